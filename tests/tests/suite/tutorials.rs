//! The scripts assert everything that the tutorials tell their readers to see.

use std::fs;
use std::process::Command;

use netscript_tests::claims::{self, Asserted};
use netscript_tests::program::{Place, as_nobody, finish};
use netscript_tests::{lines, skip, workspace};

#[test]
fn every_claim_has_its_assertion() {
    let claims = claims::read();
    println!("{}", claims.listed.join("\n"));
    assert!(claims.wrong.is_empty(), "{}", claims.wrong.join("\n"));
}

#[test]
fn without_the_step_before_it_an_assertion_fails() {
    let claims = claims::read();
    let with_step: Vec<&Asserted> = claims.asserted.iter().filter(|claim| claim.step().is_some()).collect();
    assert!(with_step.len() >= 20, "only {} claims name a step", with_step.len());
    let (without, with_step): (Vec<&Asserted>, Vec<&Asserted>) =
        with_step.into_iter().partition(|claim| claim.missing_setting().is_some());
    for claim in without {
        skip(&format!("{}: this kernel has no {}", claim.claim.says, claim.missing_setting().unwrap_or_default()));
    }
    let wrong = claims::take_out_steps(&with_step, 16);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), with_step.len(), wrong.join("\n"));
}

#[test]
fn the_readme_counts_the_lines() {
    let readme = fs::read_to_string(lines::readme()).unwrap();
    assert_eq!(readme, lines::fresh_readme(), "`cargo xtask lines` writes the README's table");
}

#[test]
fn the_scripts_need_no_privilege_and_no_other_program() {
    let place = Place::new();
    let mut copy = Command::new("cp");
    finish(copy.arg("-r").arg(workspace().join("scripts")).arg(place.path("scripts"))).success();
    finish(Command::new("chmod").arg("-R").arg("a+rX").arg(place.path("scripts"))).success();
    for user in ["root", "nobody"] {
        let mut test = place.netscript(&["test", "scripts"]);
        test.env_clear().env("PATH", place.path("empty")).env("HOME", place.path("empty"));
        if user == "nobody" {
            as_nobody(&mut test);
        }
        let told = finish(&mut test).success();
        assert!(told.ends_with(" passed, 0 failed\n"), "{user}: {told}");
    }
}
