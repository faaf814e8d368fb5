//! Owns the grammar of OPATH: comparisons joined by `-and`, `-or`, `-not` and parentheses.
//!
//! Invariant: depth and length are bounded, and nothing is ever expanded.

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// Every part holds.
    All(Vec<Expression>),
    /// One part holds.
    Any(Vec<Expression>),
    /// The part does not hold.
    Not(Box<Expression>),
    /// A property against a value.
    Compare {
        /// The property as written.
        property: String,
        /// How.
        operator: Operator,
        /// Against what.
        literal: Literal,
    },
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `-eq`
    Equal,
    /// `-ne`
    NotEqual,
    /// `-lt`
    Less,
    /// `-gt`
    Greater,
    /// `-le`
    LessOrEqual,
    /// `-ge`
    GreaterOrEqual,
    /// `-like`
    Like,
    /// `-notlike`
    NotLike,
}

/// A value in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A quoted text or a bare word.
    Text(String),
    /// `$true` or `$false`.
    Flag(bool),
    /// `$null`.
    Null,
}

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid filter at position {position}: {problem}")]
pub struct SyntaxError {
    /// What stands there.
    pub problem: String,
    /// Where, from 1.
    pub position: usize,
}

/// The longest filter, in bytes.
const FILTER_BYTES_MAX: usize = 32 * 1024;
/// How deep parentheses may nest.
const DEPTH_MAX: usize = 32;

impl Literal {
    /// The value as a text.
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Flag(flag) => flag.to_string(),
            Self::Null => String::new(),
        }
    }

    /// The value as a boolean.
    pub fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            Self::Text(text) => text.to_lowercase().parse().ok(),
            Self::Null => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Dash(String),
    Quoted(String),
    Word(String),
}

struct Reader {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
}

/// Reads a filter.
pub(super) fn read(text: &str) -> Result<Expression, SyntaxError> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(SyntaxError { problem: "the filter is too long".to_owned(), position: 1 });
    }
    let inner = text.trim().trim_start_matches('{').trim_end_matches('}');
    let mut reader = Reader { tokens: tokens(inner)?, at: 0, depth: 0 };
    let expression = reader.any()?;
    match reader.tokens.get(reader.at) {
        None => Ok(expression),
        Some(_) => Err(reader.unexpected()),
    }
}

impl Reader {
    fn any(&mut self) -> Result<Expression, SyntaxError> {
        let mut parts = vec![self.all()?];
        while self.takes("or") {
            parts.push(self.all()?);
        }
        Ok(only_or(parts, Expression::Any))
    }

    fn all(&mut self) -> Result<Expression, SyntaxError> {
        let mut parts = vec![self.one()?];
        while self.takes("and") {
            parts.push(self.one()?);
        }
        Ok(only_or(parts, Expression::All))
    }

    fn one(&mut self) -> Result<Expression, SyntaxError> {
        if self.takes("not") {
            return self.deeper(|reader| Ok(Expression::Not(Box::new(reader.one()?))));
        }
        if self.tokens.get(self.at).is_some_and(|(_, token)| *token == Token::Open) {
            self.at += 1;
            return self.deeper(|reader| {
                let inner = reader.any()?;
                match reader.take() {
                    Some(Token::Close) => Ok(inner),
                    Some(_) | None => Err(reader.unexpected()),
                }
            });
        }
        let Some(Token::Word(property)) = self.take() else { return Err(self.unexpected()) };
        let Some(Token::Dash(operator)) = self.take() else { return Err(self.unexpected()) };
        let Some(operator) = operator_of(&operator) else { return Err(self.unexpected()) };
        let literal = match self.take() {
            Some(Token::Quoted(text)) => Literal::Text(text),
            Some(Token::Word(word)) => match word.to_lowercase().as_str() {
                "$true" => Literal::Flag(true),
                "$false" => Literal::Flag(false),
                "$null" => Literal::Null,
                _ => Literal::Text(word),
            },
            Some(Token::Open | Token::Close | Token::Dash(_)) | None => {
                return Err(self.unexpected());
            }
        };
        Ok(Expression::Compare { property, operator, literal })
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Expression, SyntaxError>,
    ) -> Result<Expression, SyntaxError> {
        if self.depth == DEPTH_MAX {
            return Err(self.unexpected());
        }
        self.depth += 1;
        let expression = read(self);
        self.depth -= 1;
        expression
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|(_, token)| token.clone());
        self.at += 1;
        token
    }

    fn takes(&mut self, word: &str) -> bool {
        let here = self.tokens.get(self.at);
        let is_it = here.is_some_and(|(_, token)| match token {
            Token::Dash(held) => held.eq_ignore_ascii_case(word),
            Token::Open | Token::Close | Token::Quoted(_) | Token::Word(_) => false,
        });
        self.at += usize::from(is_it);
        is_it
    }

    fn unexpected(&self) -> SyntaxError {
        let place = self.at.saturating_sub(1);
        match self.tokens.get(place) {
            Some((position, token)) => {
                SyntaxError { problem: format!("unexpected {token:?}"), position: position + 1 }
            }
            None => SyntaxError { problem: "unexpected end".to_owned(), position: place + 1 },
        }
    }
}

fn only_or(mut parts: Vec<Expression>, join: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn operator_of(word: &str) -> Option<Operator> {
    Some(match word.to_lowercase().as_str() {
        "eq" => Operator::Equal,
        "ne" => Operator::NotEqual,
        "lt" => Operator::Less,
        "gt" => Operator::Greater,
        "le" => Operator::LessOrEqual,
        "ge" => Operator::GreaterOrEqual,
        "like" => Operator::Like,
        "notlike" => Operator::NotLike,
        _ => return None,
    })
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, SyntaxError> {
    let mut tokens = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((position, character)) = characters.next() {
        let token = match character {
            character if character.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '\'' | '"' => Token::Quoted(quoted(&mut characters, character, position)?),
            '-' => Token::Dash(word(&mut characters, String::new())),
            other => Token::Word(word(&mut characters, other.to_string())),
        };
        tokens.push((position, token));
    }
    Ok(tokens)
}

type Characters<'a> = std::iter::Peekable<std::str::CharIndices<'a>>;

fn quoted(
    characters: &mut Characters<'_>,
    quote: char,
    start: usize,
) -> Result<String, SyntaxError> {
    let mut text = String::new();
    while let Some((_, character)) = characters.next() {
        if character != quote {
            text.push(character);
        } else if characters.next_if(|(_, next)| *next == quote).is_some() {
            text.push(quote);
        } else {
            return Ok(text);
        }
    }
    Err(SyntaxError { problem: "unterminated text".to_owned(), position: start + 1 })
}

fn word(characters: &mut Characters<'_>, mut word: String) -> String {
    let goes_on = |next: &(usize, char)| !next.1.is_whitespace() && !matches!(next.1, '(' | ')');
    while let Some((_, character)) = characters.next_if(goes_on) {
        word.push(character);
    }
    word
}
