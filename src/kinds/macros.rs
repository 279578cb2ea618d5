//! The two macros that keep the list of kinds and the lists of attributes exhaustive.

/// Declares a kind's struct together with what a change of each field calls for, so that no field can be without a rule.
macro_rules! attributes {
    (
        $(#[$struct_meta:meta])*
        pub struct $Name:ident {
            $( $(#[$meta:meta])* $field:ident : $ty:ty => $rule:expr ),* $(,)?
        }
    ) => {
        $(#[$struct_meta])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        pub struct $Name {
            $( $(#[$meta])* pub $field: $ty, )*
        }

        impl $Name {
            #[allow(unused_imports, reason = "kinds use different rules")]
            const LIST: &'static [$crate::kinds::Attribute<Self>] = {
                use $crate::kinds::OnChange::*;
                &[ $( $crate::kinds::Attribute {
                    name: stringify!($field),
                    differs: |a, b| a.$field != b.$field,
                    take: |a, b| a.$field.clone_from(&b.$field),
                    value: |k| serde_json::to_value(&k.$field).unwrap_or_default(),
                    on_change: $rule,
                } ),* ]
            };
        }
    };
}

/// Declares all kinds: the tag, the object, and the dispatch from one to the other.
macro_rules! kinds {
    ($($Name:ident in $($module:ident)::+),* $(,)?) => {
        /// Which kind an object is of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "each is documented where the kind is")]
        pub enum KindTag { $($Name),* }

        /// One object of a catalog. Cheap to clone: catalogs that are parts or changed copies of others share their objects.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs, reason = "each is documented where the kind is")]
        pub enum Object { $($Name(std::sync::Arc<$($module)::+::$Name>)),* }

        $(impl From<$($module)::+::$Name> for Object {
            fn from(kind: $($module)::+::$Name) -> Self { Self::$Name(std::sync::Arc::new(kind)) }
        }

        impl $($module)::+::$Name {
            /// This kind's form of an object, where it is one.
            #[allow(dead_code, reason = "not every kind is looked up by others")]
            pub fn of(object: &Object) -> Option<&Self> {
                if let Object::$Name(kind) = object { Some(kind) } else { None }
            }

            /// The object of this kind that has this id.
            #[allow(dead_code, reason = "not every kind is looked up by others")]
            pub fn get<'a>(catalog: &'a Catalog, id: &ObjectId) -> Option<&'a Self> {
                catalog.get(id).and_then(Self::of)
            }
        })*

        impl KindTag {
            /// Every kind, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$Name),*];

            /// The words of the kinds, in the order of [`KindTag::ALL`].
            const WORDS: &'static [&'static str] = &[$(<$($module)::+::$Name as Kind>::INFO.word),*];

            /// What is true of every object of the kind.
            pub const fn info(self) -> &'static KindInfo {
                match self { $(Self::$Name => &<$($module)::+::$Name as Kind>::INFO),* }
            }
        }

        impl Object {
            /// Which kind the object is of.
            pub fn kind(&self) -> KindTag {
                match self { $(Self::$Name(_) => KindTag::$Name),* }
            }

            /// Whether the two are one object in memory: then nothing can differ.
            pub fn is_same(&self, other: &Self) -> bool {
                match (self, other) {
                    $((Self::$Name(a), Self::$Name(b)) => std::sync::Arc::ptr_eq(a, b),)*
                    _ => false,
                }
            }

            /// See [`Kind::address`].
            pub fn address(&self, id: &ObjectId) -> String {
                match self { $(Self::$Name(k) => k.address(id)),* }
            }

            /// See [`Kind::create`].
            pub fn create(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
                match self { $(Self::$Name(k) => k.create(id, cx)),* }
            }

            /// See [`Kind::drop`].
            pub fn drop(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
                match self { $(Self::$Name(k) => Kind::drop(&**k, id, cx)),* }
            }

            /// See [`Kind::rename`].
            pub fn rename(&self, old: &ObjectId, new: &ObjectId) -> Vec<Step> {
                match self { $(Self::$Name(k) => k.rename(old, new)),* }
            }

            /// See [`Kind::reattach`].
            pub fn reattach(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
                match self { $(Self::$Name(k) => k.reattach(id, cx)),* }
            }

            /// See [`Kind::handed_down_by`].
            pub fn handed_down_by(&self, id: &ObjectId) -> Option<ObjectId> {
                match self { $(Self::$Name(k) => k.handed_down_by(id)),* }
            }

            /// See [`Kind::follows`].
            pub fn follows(&self, id: &ObjectId, cx: &PlanContext<'_>) -> Option<ObjectId> {
                match self { $(Self::$Name(k) => k.follows(id, cx)),* }
            }

            /// See [`Kind::rebuilds`].
            pub fn rebuilds(&self, id: &ObjectId, old: Option<&Self>, cx: &PlanContext<'_>) -> Vec<ObjectId> {
                match (self, old) {
                    $((Self::$Name(new), Some(Self::$Name(old))) => new.rebuilds(id, Some(&**old), cx),)*
                    $((Self::$Name(new), _) => new.rebuilds(id, None, cx),)*
                }
            }

            /// See [`Kind::after_renames`].
            pub fn after_renames(&self, id: &ObjectId, now: &dyn Fn(&ObjectId) -> ObjectId) -> Option<(ObjectId, Self)> {
                match self { $(Self::$Name(k) => k.after_renames(id, now).map(|(id, k)| (id, k.into()))),* }
            }

            /// See [`Kind::survives_rebuild`].
            pub fn survives_rebuild(&self) -> bool {
                match self { $(Self::$Name(k) => k.survives_rebuild()),* }
            }

            /// See [`Kind::belongs_to`].
            pub fn belongs_to(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
                match self { $(Self::$Name(k) => k.belongs_to(id, catalog)),* }
            }

            /// See [`Kind::taken_by`].
            pub fn taken_by(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
                match self { $(Self::$Name(k) => k.taken_by(id, catalog)),* }
            }

            /// See [`Kind::provider`].
            pub fn provider(&self, id: &ObjectId, catalog: &Catalog) -> Option<ObjectId> {
                match self { $(Self::$Name(k) => k.provider(id, catalog)),* }
            }

            /// See [`Kind::implied`].
            pub fn implied(&self, id: &ObjectId, catalog: &Catalog) -> bool {
                match self { $(Self::$Name(k) => k.implied(id, catalog)),* }
            }

            /// See [`Kind::mentions`].
            pub fn mentions(&self, id: &ObjectId, out: &mut Mentions) {
                match self { $(Self::$Name(k) => k.mentions(id, out)),* }
            }

            /// See [`Kind::folds`].
            pub fn folds(&self, id: &ObjectId, cx: &PlanContext<'_>) -> bool {
                match self { $(Self::$Name(k) => k.folds(id, cx)),* }
            }

            /// The attributes that differ from `new`, which is of the same kind (else none).
            pub fn changes(&self, new: &Self) -> Vec<AttributeChange> {
                match (self, new) {
                    $((Self::$Name(a), Self::$Name(b)) if !std::sync::Arc::ptr_eq(a, b) => attribute_changes(&**a, &**b),)*
                    _ => Vec::new(),
                }
            }

            /// This object with those attributes taken from `own` in which `printed` is as `there`; all are of the same kind.
            #[must_use]
            pub fn with_words_of(&self, printed: &Self, there: &Self, own: &Self) -> Self {
                match (self, printed, there, own) {
                    $((Self::$Name(a), Self::$Name(printed), Self::$Name(there), Self::$Name(own)) => {
                        with_words_of(&**a, printed, there, own).into()
                    })*
                    _ => self.clone(),
                }
            }

            /// This object with the named attributes taken from `other`, which is of the same kind.
            #[must_use]
            pub fn taking(&self, other: &Self, names: &[&str]) -> Self {
                match (self, other) {
                    $((Self::$Name(a), Self::$Name(b)) => taking(&**a, &**b, names).into(),)*
                    _ => self.clone(),
                }
            }

            /// The value of an attribute.
            pub fn value(&self, name: &str) -> serde_json::Value {
                match self { $(Self::$Name(k) => value_of(&**k, name)),* }
            }

            /// All that a difference can be in, as one text: equal where [`Object::changes`] finds none. Some attributes can be left
            /// out.
            pub fn essence(&self, without: &[String]) -> String {
                match self { $(Self::$Name(k) => essence_of(&**k, without)),* }
            }

            /// The attributes that a declaration leaves open: whatever is found is as declared.
            pub fn left_open(&self) -> Vec<String> {
                match self { $(Self::$Name(k) => left_open_of(&**k)),* }
            }

            /// What the changes towards `new` call for.
            pub fn means(&self, new: &Self, id: &ObjectId, cx: &PlanContext<'_>) -> Means {
                match (self, new) {
                    $((Self::$Name(a), Self::$Name(b)) => means_of(&Change { id, old: &**a, new: &**b, cx }),)*
                    _ => Means::Replace,
                }
            }

            /// The steps that change this object into `new` in place.
            pub fn alter(&self, new: &Self, id: &ObjectId, cx: &PlanContext<'_>) -> Vec<Step> {
                match (self, new) {
                    $((Self::$Name(a), Self::$Name(b)) => alter_steps(&Change { id, old: &**a, new: &**b, cx }),)*
                    _ => Vec::new(),
                }
            }
        }
    };
}
