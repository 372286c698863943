//! Breaches of the rules, and the exceptions that are made for some of them.

/// One breach of a rule.
pub struct Finding {
    /// Names the breach in a list of exceptions: `from -> to`, or one name.
    pub key: String,
    /// The place, the rule, and the way out.
    pub text: String,
}

/// A breach that is allowed for now.
pub struct Exception {
    /// The key of a finding. Each of the names may also be that of a module, for everything in and below it.
    pub key: &'static str,
    pub reason: &'static str,
}

impl Exception {
    pub fn covers(&self, key: &str) -> bool {
        let (allowed, found) = (ends(self.key), ends(key));
        is_within(found.0, allowed.0) && is_within(found.1, allowed.1)
    }
}

/// The breaches of a rule, and what is wrong with its exceptions. Empty if the rule is kept.
pub struct Verdict(String);

impl Verdict {
    /// Holds all findings of a rule against the exceptions that are made for it.
    pub fn of(findings: &[Finding], exceptions: &[Exception]) -> Self {
        let is_breach = |finding: &&Finding| !exceptions.iter().any(|exception| exception.covers(&finding.key));
        let covers_none = |exception: &&Exception| !findings.iter().any(|finding| exception.covers(&finding.key));
        let breaches = findings.iter().filter(is_breach);
        Self::new(breaches, exceptions.iter().filter(covers_none), exceptions)
    }

    /// Sums up findings that no exception covers, exceptions that are not needed, and exceptions without a reason.
    pub fn new<'a>(
        breaches: impl IntoIterator<Item = &'a Finding>,
        unneeded: impl IntoIterator<Item = &'a Exception>,
        exceptions: &[Exception],
    ) -> Self {
        let breaches = breaches.into_iter();
        let breaches = breaches.map(|Finding { key, text }| format!("{text}\n  exception, if it must wait: {key:?}\n"));
        let unneeded = unneeded.into_iter();
        let unneeded =
            unneeded.map(|Exception { key, .. }| format!("exception {key:?} is no longer needed: delete it\n"));
        let unexplained = exceptions.iter().filter(|exception| exception.reason.is_empty());
        let unexplained =
            unexplained.map(|Exception { key, .. }| format!("exception {key:?} has no reason: write one\n"));
        Self(breaches.chain(unneeded).chain(unexplained).collect())
    }

    /// Panics with the findings if there are any.
    pub fn assert_kept(&self) {
        assert!(self.0.is_empty(), "\n{}Exceptions are in xtask/tests/house/exceptions.rs\n", self.0);
    }
}

/// The two ends of an edge; the second is empty for a single name.
fn ends(key: &str) -> (&str, &str) {
    key.split_once(" -> ").unwrap_or((key, ""))
}

fn is_within(name: &str, module: &str) -> bool {
    name.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(key: &str) -> Finding {
        Finding { key: key.to_owned(), text: format!("{key} is wrong") }
    }

    #[test]
    fn finding_without_an_exception_is_reported() {
        let Verdict(report) = Verdict::of(&[finding("merge::log -> ledger::Request")], &[]);
        assert!(report.contains("merge::log -> ledger::Request is wrong"), "{report}");
    }

    #[test]
    fn exception_covers_a_module_and_everything_below_it() {
        let exception = Exception { key: "merge -> ledger", reason: "moves soon" };
        let findings = [finding("merge::log -> ledger::Request"), finding("merge -> ledger")];
        assert_eq!(Verdict::of(&findings, &[exception]).0, "");
    }

    #[test]
    fn exception_does_not_cover_a_module_whose_name_only_begins_alike() {
        let exception = Exception { key: "merge -> ledger", reason: "moves soon" };
        assert!(!exception.covers("merger -> ledger"));
        assert!(!exception.covers("merge -> ledgers::Request"));
        assert!(!exception.covers("merge"));
    }

    #[test]
    fn exception_that_nothing_needs_is_reported() {
        let Verdict(report) = Verdict::of(&[], &[Exception { key: "merge -> ledger", reason: "moves soon" }]);
        assert!(report.contains("no longer needed"), "{report}");
    }

    #[test]
    fn exception_without_a_reason_is_reported() {
        let Verdict(report) = Verdict::of(&[finding("a -> b")], &[Exception { key: "a -> b", reason: "" }]);
        assert!(report.contains("has no reason"), "{report}");
    }
}
