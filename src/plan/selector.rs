//! `PHASE[.FIGURE][:TARGET]`: which phases, and which of their figures, an option means.

use super::Phase;

/// The name that stands for the whole run among the phases.
pub const TOTAL: &str = "total";
/// The figure that every phase has.
pub const TIME: &str = "time";

/// Which figure of which phases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// A phase's name, or `total`. None means every phase but the end of the session, which must be named.
    pub phase: Option<String>,
    /// A figure of the phase; its time if none is named.
    pub figure: Option<String>,
    /// The text between the first `:` and the last `=`.
    pub target: Option<String>,
}

impl Selector {
    /// Every phase but the end of the session.
    pub const ALL: Self = Self { phase: None, figure: None, target: None };

    /// The whole run's time.
    #[must_use]
    pub fn total() -> Self {
        Self { phase: Some(TOTAL.to_owned()), ..Self::ALL }
    }

    /// Splits `SELECTOR=VALUE` at the last `=`; a text without `=` is a value alone.
    #[must_use]
    pub fn split(text: &str) -> (Option<Self>, &str) {
        let Some((selector, value)) = text.rsplit_once('=') else {
            return (None, text);
        };
        let (phase, target) = split_at(selector, ':');
        let (phase, figure) = split_at(phase, '.');
        let selector = Self {
            phase: Some(phase.to_owned()),
            figure: figure.map(str::to_owned),
            target: target.map(str::to_owned),
        };
        (Some(selector), value)
    }

    /// The figure that is meant.
    #[must_use]
    pub fn figure(&self) -> &str {
        self.figure.as_deref().unwrap_or(TIME)
    }

    /// Whether it means this phase, whatever the figure.
    #[must_use]
    pub fn matches(&self, phase: &Phase) -> bool {
        let Some(name) = &self.phase else { return !phase.operation.is_end() };
        let target = phase.target.as_deref();
        name == phase.operation.name
            && self.target.as_deref().is_none_or(|own| target.is_some_and(|target| is_same_target(own, target)))
    }
}

/// The value of the most specific of the selectors that mean this figure of this phase; of equal ones the last.
pub(super) fn find_most_specific<'a, T>(rules: &'a [(Selector, T)], phase: &Phase, figure: &str) -> Option<&'a T> {
    let matching = rules.iter().filter(|(selector, _)| selector.figure() == figure && selector.matches(phase));
    let most_specific = matching.max_by_key(|(selector, _)| (selector.phase.is_some(), selector.target.is_some()));
    most_specific.map(|(_, value)| value)
}

/// `INBOX` is the one name without regard to case (RFC 9051 section 5.1).
pub(super) fn is_same_target(one: &str, other: &str) -> bool {
    one == other || (one.eq_ignore_ascii_case("INBOX") && other.eq_ignore_ascii_case("INBOX"))
}

fn split_at(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, behind)| (before, Some(behind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_everything_between_the_first_colon_and_the_last_equals_sign() {
        let (selector, value) = Selector::split("select.messages:a:b=c=1:");
        let selector = selector.unwrap();
        assert_eq!(
            (selector.phase.as_deref(), selector.figure(), selector.target.as_deref(), value),
            (Some("select"), "messages", Some("a:b=c"), "1:")
        );
        assert_eq!(Selector::split("1:5"), (None, "1:5"));
    }
}
