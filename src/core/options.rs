//! Options by name, as `reloptions` holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Options by name, in the order in which they were said: the server keeps it, and shows it, and it means nothing. So two sets in
/// different orders are equal, and are serialized alike.
#[derive(Clone, Debug, Default)]
pub struct Options(Vec<(String, String)>);

impl Options {
    /// None.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<&String> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// Whether one is there.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> + '_ {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &String> + '_ {
        self.0.iter().map(|(name, _)| name)
    }

    /// Keeps those whose names are to stay.
    pub fn retain(&mut self, mut stays: impl FnMut(&str) -> bool) {
        self.0.retain(|(name, _)| stays(name));
    }

    fn sorted(&self) -> BTreeMap<&str, &str> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }
}

impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.sorted() == other.sorted()
    }
}

impl Eq for Options {}

impl Extend<(String, String)> for Options {
    /// What is there already gets the new value in its old place.
    fn extend<I: IntoIterator<Item = (String, String)>>(&mut self, items: I) {
        for (name, value) in items {
            match self.0.iter_mut().find(|(n, _)| *n == name) {
                Some((_, old)) => *old = value,
                None => self.0.push((name, value)),
            }
        }
    }
}

impl FromIterator<(String, String)> for Options {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(items: I) -> Self {
        let mut options = Self::new();
        options.extend(items);
        options
    }
}

impl<const N: usize> From<[(String, String); N]> for Options {
    fn from(items: [(String, String); N]) -> Self {
        items.into_iter().collect()
    }
}

impl IntoIterator for Options {
    type Item = (String, String);
    type IntoIter = std::vec::IntoIter<(String, String)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Options {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sorted().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Options {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(|map| map.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(items: &[(&str, &str)]) -> Options {
        items.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_order_is_kept_and_means_nothing() {
        let (one, other) = (options(&[("b", "1"), ("a", "2")]), options(&[("a", "2"), ("b", "1")]));
        assert_eq!(one, other);
        assert_ne!(one, options(&[("a", "2")]));
        assert_ne!(one, options(&[("a", "2"), ("b", "2")]));
        assert_eq!(one.keys().collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"a":"2","b":"1"}"#);
        assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&other).unwrap());
    }

    #[test]
    fn what_is_said_again_keeps_its_place() {
        let mut one = options(&[("b", "1"), ("a", "2")]);
        one.extend([("b".to_owned(), "3".to_owned())]);
        assert_eq!(one.get("b").map(String::as_str), Some("3"));
        assert_eq!(one.keys().collect::<Vec<_>>(), ["b", "a"]);
    }
}
