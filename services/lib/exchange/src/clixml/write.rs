//! Owns writing [`Value`]s as CLIXML.
//! Invariant: reading the text back yields an equal value. Type names are written once per
//! message and referred to after that (`TNRef`), and so is an object that occurs twice
//! (`Ref`), as PowerShell does ([MS-PSRP] 2.2.5.2.1, 2.2.5.2.3).

use std::{collections::HashMap, fmt::Write, sync::Arc};

use super::{
    primitive, text,
    value::{Content, ListKind, Object, Property, Value},
};

/// Writes one message.
pub fn write(value: &Value) -> String {
    let mut out = String::new();
    write_into(value, &mut out);
    out
}

/// Appends one message.
pub fn write_into(value: &Value, out: &mut String) {
    Writer { out, objects: 0, types: HashMap::new(), shared: HashMap::new() }.element(value, None);
}

struct Writer<'v, 'o> {
    out: &'o mut String,
    objects: u32,
    types: HashMap<&'v [String], usize>,
    shared: HashMap<*const Object, u32>,
}

impl<'v> Writer<'v, '_> {
    fn element(&mut self, value: &'v Value, name: Option<&str>) {
        if let Value::Object(object) = value {
            return self.object(object, name);
        }
        let element = value.primitive().map_or("Nil", primitive::Primitive::element);
        self.open(element, name);
        if value.is_nil() {
            self.out.push_str(" />");
            return;
        }
        self.out.push('>');
        primitive::write_text(value, self.out);
        self.close(element);
    }

    fn object(&mut self, object: &'v Arc<Object>, name: Option<&str>) {
        if Arc::strong_count(object) > 1 {
            if let Some(id) = self.shared.get(&Arc::as_ptr(object)) {
                let id = *id;
                self.open("Ref", name);
                self.write(format_args!(" RefId=\"{id}\" />"));
                return;
            }
            self.shared.insert(Arc::as_ptr(object), self.objects);
        }
        self.open("Obj", name);
        let id = self.objects;
        self.objects += 1;
        self.write(format_args!(" RefId=\"{id}\">"));
        self.type_names(&object.type_names);
        if let Some(text) = &object.to_string {
            self.out.push_str("<ToString>");
            text::encode_into(text, self.out);
            self.close("ToString");
        }
        self.properties("Props", &object.adapted);
        self.properties("MS", &object.extended);
        self.content(&object.content);
        self.close("Obj");
    }

    fn type_names(&mut self, names: &'v [String]) {
        if names.is_empty() {
            return;
        }
        let next = self.types.len();
        let id = *self.types.entry(names).or_insert(next);
        if id < next {
            self.write(format_args!("<TNRef RefId=\"{id}\" />"));
            return;
        }
        self.write(format_args!("<TN RefId=\"{id}\">"));
        for name in names {
            self.out.push_str("<T>");
            text::encode_into(name, self.out);
            self.close("T");
        }
        self.close("TN");
    }

    fn properties(&mut self, element: &str, properties: &'v [Property]) {
        if properties.is_empty() {
            return;
        }
        self.write(format_args!("<{element}>"));
        for property in properties {
            self.element(&property.value, Some(&property.name));
        }
        self.close(element);
    }

    fn content(&mut self, content: &'v Content) {
        match content {
            Content::None => {}
            Content::Primitive(inner) => self.element(inner, None),
            Content::List(kind, items) => {
                let element = match kind {
                    ListKind::List => "LST",
                    ListKind::Enumerable => "IE",
                    ListKind::Queue => "QUE",
                    ListKind::Stack => "STK",
                };
                self.write(format_args!("<{element}>"));
                for item in items {
                    self.element(item, None);
                }
                self.close(element);
            }
            Content::Dictionary(entries) => {
                self.out.push_str("<DCT>");
                for (key, value) in entries {
                    self.out.push_str("<En>");
                    self.element(key, Some("Key"));
                    self.element(value, Some("Value"));
                    self.close("En");
                }
                self.close("DCT");
            }
        }
    }

    fn open(&mut self, element: &str, name: Option<&str>) {
        self.out.push('<');
        self.out.push_str(element);
        if let Some(name) = name {
            self.out.push_str(" N=\"");
            text::encode_into(name, self.out);
            self.out.push('"');
        }
    }

    fn close(&mut self, element: &str) {
        self.write(format_args!("</{element}>"));
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        _ = self.out.write_fmt(arguments);
    }
}
