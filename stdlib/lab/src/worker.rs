//! The thread that owns an interpreter. Rhai's values are not `Send`, scripts need a large stack, and a network of one's
//! own is a thread's: so everything that is done with a lab is sent to one thread.

use std::panic::{self, AssertUnwindSafe};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle, ThreadId};

use netscript_lang::diagnostics::{self, fault};
use netscript_lang::interpreter::STACK_SIZE;

use crate::error::Result;

/// Something to be done with what the thread owns.
type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// A thread that owns a value.
pub(crate) struct Worker<T: 'static> {
    jobs: Option<Sender<Job<T>>>,
    thread: Option<JoinHandle<Result<()>>>,
    id: ThreadId,
}

impl<T: 'static> Worker<T> {
    /// Starts a thread that makes a value. When the worker is ended, `end` is called with it.
    pub(crate) fn start(
        name: &str,
        make: impl FnOnce() -> Result<T> + Send + 'static,
        end: impl FnOnce(T) -> Result<()> + Send + 'static,
    ) -> Result<Worker<T>> {
        let (jobs, inbox) = channel::<Job<T>>();
        let (is_made, made) = channel();
        let work = move || {
            let mut owned = match make() {
                Ok(owned) => owned,
                Err(error) => {
                    // Nobody waits any more if the process is ending.
                    let _ = is_made.send(Err(error));
                    return Ok(());
                }
            };
            let _ = is_made.send(Ok(()));
            inbox.into_iter().for_each(|job| job(&mut owned));
            end(owned)
        };
        let builder = thread::Builder::new().name(name.to_owned()).stack_size(STACK_SIZE);
        let thread = builder.spawn(work).map_err(not_started)?;
        let id = thread.thread().id();
        let mut worker = Worker { jobs: Some(jobs), thread: Some(thread), id };
        match made.recv() {
            Ok(made) => made.map(|()| worker),
            // It has died before it could answer.
            Err(_) => worker.end().map(|()| worker),
        }
    }

    /// Does something on the thread and gives the result. A panic in it is the caller's.
    pub(crate) fn call<R: Send + 'static>(&self, job: impl FnOnce(&mut T) -> R + Send + 'static) -> R {
        assert_ne!(
            thread::current().id(),
            self.id,
            "a word of the language cannot use the lab that runs it from outside"
        );
        let (answer, result) = channel();
        let job = move |owned: &mut T| {
            let done = panic::catch_unwind(AssertUnwindSafe(|| job(owned)));
            // The caller waits for it.
            let _ = answer.send(done);
        };
        let jobs = self.jobs.as_ref().expect("it is there until the worker is ended");
        jobs.send(Box::new(job)).expect("the thread goes on until the worker is ended");
        match result.recv().expect("the thread answers each job") {
            Ok(value) => value,
            Err(cause) => panic::resume_unwind(cause),
        }
    }

    /// Ends the thread, if that has not been done.
    pub(crate) fn end(&mut self) -> Result<()> {
        drop(self.jobs.take());
        self.thread.take().map_or(Ok(()), join)
    }
}

/// A panic of the thread is the caller's, unless that has one already.
fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    match thread.join() {
        Ok(ended) => ended,
        Err(cause) if thread::panicking() => Err(fault::error(&*cause).into()),
        Err(cause) => panic::resume_unwind(cause),
    }
}

/// The error of a thread that the machine does not let be started.
pub(crate) fn not_started(error: std::io::Error) -> diagnostics::Error {
    diagnostics::Error::Unanswered { question: "start a thread".to_owned(), rejection: error.into() }
}
