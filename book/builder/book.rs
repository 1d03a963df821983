//! Checks and builds the whole book.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context, Result, anyhow, bail};
use mdbook_driver::MDBook;
use mdbook_driver::book::BookItem;

use crate::chapter::{Chapter, Problem};
use crate::fence::{Fence, Kind};
use crate::kept::{self, Kept};
use crate::reference;
use crate::run::{Outcome, Programs};
use crate::search;

/// How the output of examples is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It must equal the expected output.
    Compare,
    /// It becomes the expected output.
    Bless,
}

/// A book and how to work on it.
#[derive(Debug)]
pub struct Work {
    /// The folder of `book.toml`.
    pub book: PathBuf,
    /// The programs with which examples are run.
    pub programs: Programs,
    /// How many examples are run at a time.
    pub jobs: usize,
    /// Only chapters whose paths contain one of these, if there are any.
    pub only: Vec<String>,
}

/// The result of running the examples.
#[derive(Debug)]
pub struct Report {
    /// How many examples were run.
    pub examples: usize,
    /// The number of their chapters.
    pub chapters: usize,
    /// The problems, in the order of files and lines.
    pub problems: Vec<Problem>,
}

/// A chapter whose examples have been run.
struct Done {
    chapter: Chapter,
    outcomes: Vec<Outcome>,
}

impl Work {
    /// Runs every example.
    pub fn check(&self, keep: Keep) -> Result<Report> {
        Ok(self.work(keep)?.1)
    }

    /// Runs every example, and writes the book if nothing is wrong.
    pub fn build(&self, output: Option<&Path>) -> Result<Report> {
        let (done, report) = self.work(Keep::Compare)?;
        if !report.problems.is_empty() {
            return Ok(report);
        }
        let mut book = self.load()?;
        if let Some(output) = output {
            book.config.build.build_dir = std::path::absolute(output)?;
        }
        book.book.for_each_chapter_mut(|chapter| {
            let path = chapter.source_path.clone().unwrap_or_default();
            chapter.content = self.rendered(&done, &path).unwrap_or_default();
        });
        book.build().map_err(|error| anyhow!("mdBook cannot write it: {error:#}"))?;
        search::improve(&book.build_dir_for("html"))?;
        Ok(report)
    }

    /// A chapter's text as it is shown.
    fn rendered(&self, done: &[Done], path: &Path) -> Option<String> {
        let Done { chapter, outcomes } = done.iter().find(|done| self.named(path) == done.chapter.path)?;
        let text = chapter.rendered(outcomes);
        Some(reference::with_examples(&text, |file| self.rendered(done, Path::new(file)).unwrap_or_default()))
    }

    fn load(&self) -> Result<MDBook> {
        let loaded = MDBook::load(&self.book).map_err(|error| anyhow!("{error:#}"));
        loaded.with_context(|| format!("cannot read the book in {}", self.book.display()))
    }

    fn work(&self, keep: Keep) -> Result<(Vec<Done>, Report)> {
        let (chapters, mut problems) = self.chapters()?;
        if chapters.is_empty() && problems.is_empty() {
            bail!("there is no such chapter");
        }
        let mut outcomes = self.run(&chapters).into_iter();
        let run = |fence: &&Fence| !matches!(fence.kind, Kind::Quoted(_));
        let examples = chapters.iter().flat_map(|chapter| &chapter.fences).filter(run).count();
        let mut done = Vec::new();
        for chapter in chapters {
            let (mut good, mut bad) = (Vec::new(), Vec::new());
            for outcome in outcomes.by_ref().take(chapter.fences.len()) {
                match outcome {
                    Ok(outcome) => good.push(outcome),
                    Err(problem) => bad.push(problem),
                }
            }
            if bad.is_empty() {
                done.push(Done { chapter, outcomes: good });
            }
            problems.extend(bad);
        }
        for Done { chapter, outcomes } in &done {
            problems.extend(self.keep(chapter, outcomes, keep)?);
        }
        problems.sort();
        let report = Report { examples, chapters: done.len(), problems };
        Ok((done, report))
    }

    fn keep(&self, chapter: &Chapter, outcomes: &[Outcome], keep: Keep) -> Result<Vec<Problem>> {
        let source = chapter.path.strip_prefix(self.source()).unwrap_or(&chapter.path);
        let file = kept::file(&self.book, source);
        match keep {
            Keep::Compare => Ok(chapter.differences(outcomes, &Kept::read(&file)?)),
            Keep::Bless => {
                if chapter.kept(outcomes).write(&file)? {
                    println!("{} is rewritten", file.display());
                }
                let text = chapter.put_right(outcomes);
                if text != chapter.text {
                    let path = &chapter.path;
                    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
                    println!("{} is put right", path.display());
                }
                Ok(Vec::new())
            }
        }
    }

    fn source(&self) -> PathBuf {
        self.book.join("src")
    }

    /// The name of a chapter's file in problems.
    fn named(&self, path: &Path) -> PathBuf {
        self.source().join(path)
    }

    /// The chapters, and the problems of those that cannot be parsed.
    fn chapters(&self) -> Result<(Vec<Chapter>, Vec<Problem>)> {
        self.check_summary()?;
        let book = self.load()?;
        let (mut chapters, mut problems) = (Vec::new(), Vec::new());
        for item in book.iter() {
            let BookItem::Chapter(chapter) = item else { continue };
            let Some(path) = chapter.source_path.as_ref().filter(|path| self.is_wanted(path)) else { continue };
            let text = reference::filled(&chapter.content)?;
            let mut texts = vec![(self.named(path), text.clone())];
            for file in reference::examples(&text) {
                let file = self.named(Path::new(file));
                let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
                texts.push((file, text));
            }
            for (path, text) in texts {
                match Chapter::read(&path, &text) {
                    Ok(chapter) => chapters.push(chapter),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        Ok((chapters, problems))
    }

    /// mdBook would make an empty file of a chapter that is missing.
    fn check_summary(&self) -> Result<()> {
        let summary = self.source().join("SUMMARY.md");
        let text = fs::read_to_string(&summary).with_context(|| format!("cannot read {}", summary.display()))?;
        for (index, line) in text.lines().enumerate() {
            let target = line.split_once("](").and_then(|(_, rest)| rest.split_once(')')).map(|(target, _)| target);
            if let Some(target) = target.filter(|target| !target.is_empty() && !self.source().join(target).is_file()) {
                bail!("{}:{}: there is no chapter {target}", summary.display(), index + 1);
            }
        }
        Ok(())
    }

    fn is_wanted(&self, path: &Path) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| path.to_string_lossy().contains(part.as_str()))
    }

    /// Runs all examples, several at a time, and returns their results in order.
    fn run(&self, chapters: &[Chapter]) -> Vec<Result<Outcome, Problem>> {
        let all: Vec<(&Chapter, usize)> =
            chapters.iter().flat_map(|chapter| (0..chapter.fences.len()).map(move |index| (chapter, index))).collect();
        let next = AtomicUsize::new(0);
        let outcomes: Vec<OnceLock<Result<Outcome, Problem>>> = all.iter().map(|_| OnceLock::new()).collect();
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    let take = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < all.len());
                    while let Some(number) = take() {
                        let (chapter, index) = all[number];
                        outcomes[number].get_or_init(|| chapter.run(&self.programs, index));
                    }
                });
            }
        });
        outcomes.into_iter().map(|outcome| outcome.into_inner().expect("every example was run")).collect()
    }
}
