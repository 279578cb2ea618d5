//! A parse tree as plain values, complete by construction.
//!
//! The tree's own types number several hundred, and the walker that comes with them passes over many (FILTER, OVER,
//! defaults, policies). They all implement `Serialize`, so a serializer sees every field there is: this one keeps what
//! is not empty.

use serde::ser::{self, Serialize};

/// A part of a parse tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Empty: zero, false, an empty text or list, nothing.
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
    /// A node: its type and the fields that are not empty.
    Node(&'static str, Vec<(&'static str, Value)>),
}

impl Value {
    /// The tree of anything in `pg_query::protobuf`.
    pub fn of(tree: &impl Serialize) -> Self {
        tree.serialize(Builder).unwrap_or(Self::Nothing)
    }

    /// A field of a node.
    pub fn field(&self, name: &str) -> &Self {
        match self {
            Self::Node(_, fields) => fields.iter().find(|(key, _)| *key == name).map_or(&Self::Nothing, |(_, v)| v),
            _ => &Self::Nothing,
        }
    }

    /// The text of a text, or of a String node.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Node("String", _) => match self.field("sval") {
                Self::Text(text) => Some(text),
                _ => Some(""),
            },
            _ => None,
        }
    }

    pub fn number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    pub fn list(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            Self::Node("List", _) => self.field("items").list(),
            _ => &[],
        }
    }

    pub fn node(&self) -> Option<&'static str> {
        match self {
            Self::Node(name, _) => Some(name),
            _ => None,
        }
    }

    /// The texts of a list of String nodes.
    pub fn strings(&self) -> Vec<String> {
        self.list().iter().filter_map(|item| item.text().map(str::to_owned)).collect()
    }

    /// What is below.
    pub fn each(&self, mut visit: impl FnMut(&'static str, &Self)) {
        match self {
            Self::List(items) => items.iter().for_each(|item| visit("", item)),
            Self::Node(_, fields) => fields.iter().for_each(|(key, value)| visit(key, value)),
            _ => {}
        }
    }
}

/// Nothing can go wrong; the trait wants an error type.
#[derive(Debug)]
pub(crate) struct Never;

impl std::fmt::Display for Never {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cannot read the parse tree")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Builder;

struct Items(Vec<Value>);

struct Fields(&'static str, Vec<(&'static str, Value)>);

macro_rules! numbers {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, v: $type) -> Result<Value, Never> {
            Ok(if v == 0 as $type { Value::Nothing } else { Value::Number(v as i64) })
        })*
    };
}

impl ser::Serializer for Builder {
    type Ok = Value;
    type Error = Never;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Items;
    type SerializeStruct = Fields;
    type SerializeStructVariant = Fields;

    numbers!(
        serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_u8: u8,
        serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32, serialize_f64: f64
    );

    fn serialize_bool(self, v: bool) -> Result<Value, Never> {
        Ok(if v { Value::Number(1) } else { Value::Nothing })
    }

    fn serialize_char(self, v: char) -> Result<Value, Never> {
        Ok(Value::Text(v.to_string()))
    }

    fn serialize_str(self, v: &str) -> Result<Value, Never> {
        Ok(if v.is_empty() { Value::Nothing } else { Value::Text(v.to_owned()) })
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Never> {
        Ok(Value::Nothing)
    }

    fn serialize_none(self) -> Result<Value, Never> {
        Ok(Value::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Never> {
        Ok(Value::Nothing)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Never> {
        Ok(Value::Nothing)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Never> {
        Ok(Value::Text(variant.to_owned()))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Never> {
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Items, Never> {
        Ok(Items(Vec::with_capacity(len.unwrap_or(0))))
    }

    fn serialize_tuple(self, len: usize) -> Result<Items, Never> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<Items, Never> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, _: &'static str, len: usize) -> Result<Items, Never> {
        self.serialize_seq(Some(len))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Items, Never> {
        self.serialize_seq(len)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Fields, Never> {
        Ok(Fields(name, Vec::new()))
    }

    fn serialize_struct_variant(self, name: &'static str, _: u32, _: &'static str, _: usize) -> Result<Fields, Never> {
        Ok(Fields(name, Vec::new()))
    }
}

impl Items {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.0.push(value.serialize(Builder)?);
        Ok(())
    }

    fn done(self) -> Result<Value, Never> {
        Ok(if self.0.is_empty() { Value::Nothing } else { Value::List(self.0) })
    }
}

impl Fields {
    fn push<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        match value.serialize(Builder)? {
            Value::Nothing => {}
            value => self.1.push((key, value)),
        }
        Ok(())
    }

    fn done(mut self) -> Result<Value, Never> {
        // `Node` is only the box around a node: `Node { node: Some(…) }`.
        if self.0 == "Node" {
            return Ok(self.1.pop().map_or(Value::Nothing, |(_, value)| value));
        }
        Ok(Value::Node(self.0, self.1))
    }
}

macro_rules! sequences {
    ($($trait:ident.$method:ident),*) => {
        $(impl ser::$trait for Items {
            type Ok = Value;
            type Error = Never;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
                self.push(value)
            }

            fn end(self) -> Result<Value, Never> {
                self.done()
            }
        })*
    };
}

sequences!(
    SerializeSeq.serialize_element,
    SerializeTuple.serialize_element,
    SerializeTupleStruct.serialize_field,
    SerializeTupleVariant.serialize_field
);

impl ser::SerializeMap for Items {
    type Ok = Value;
    type Error = Never;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Never> {
        self.push(value)
    }

    fn end(self) -> Result<Value, Never> {
        self.done()
    }
}

impl ser::SerializeStruct for Fields {
    type Ok = Value;
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        self.push(key, value)
    }

    fn end(self) -> Result<Value, Never> {
        self.done()
    }
}

impl ser::SerializeStructVariant for Fields {
    type Ok = Value;
    type Error = Never;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Never> {
        self.push(key, value)
    }

    fn end(self) -> Result<Value, Never> {
        self.done()
    }
}
