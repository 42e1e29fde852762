//! Rust text to tokens: as much of the language as the house rules have to understand.

/// One token and the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: usize,
}

/// What a token is. Comments are none; a lifetime is a sign and a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(String),
    Sign(char),
    /// The value of a string, its escapes resolved as far as they matter for reading.
    Text(String),
}

impl Token {
    pub(crate) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(word) => Some(word),
            Kind::Sign(_) | Kind::Text(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Sign(_) | Kind::Word(_) => None,
        }
    }
}

/// The tokens of a file.
pub(crate) fn tokenize(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
        tokens: Vec::new(),
    };
    while reader.at < reader.chars.len() {
        reader.step();
    }
    reader.tokens
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> char {
        self.chars.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn next(&mut self) -> char {
        let char = self.peek(0);
        self.at += 1;
        self.line += usize::from(char == '\n');
        char
    }

    fn push(&mut self, kind: Kind, line: usize) {
        self.tokens.push(Token { kind, line });
    }

    fn step(&mut self) {
        let line = self.line;
        match (self.peek(0), self.peek(1)) {
            ('/', '/') => {
                while self.at < self.chars.len() && self.peek(0) != '\n' {
                    self.next();
                }
            }
            ('/', '*') => self.block_comment(),
            ('"', _) => {
                let text = self.quoted();
                self.push(Kind::Text(text), line);
            }
            ('\'', _) => self.quote(),
            (char, _) if char.is_alphanumeric() || char == '_' => self.word(),
            (char, _) => {
                self.next();
                if !char.is_whitespace() {
                    self.push(Kind::Sign(char), line);
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        loop {
            match (self.next(), self.peek(0)) {
                ('/', '*') => {
                    self.next();
                    depth += 1;
                }
                ('*', '/') => {
                    self.next();
                    depth -= 1;
                    if depth == 0 {
                        return;
                    }
                }
                ('\0', _) => return,
                _ => {}
            }
        }
    }

    /// A word, or the string whose prefix (`b`, `r#`, `br##`) the word is.
    fn word(&mut self) {
        let line = self.line;
        let mut word = String::new();
        while self.peek(0).is_alphanumeric() || self.peek(0) == '_' {
            word.push(self.next());
        }
        let is_raw = matches!(word.as_str(), "r" | "br" | "cr");
        if is_raw {
            let hashes = (0..self.chars.len())
                .take_while(|ahead| self.peek(*ahead) == '#')
                .count();
            if self.peek(hashes) == '"' {
                let text = self.raw(hashes);
                return self.push(Kind::Text(text), line);
            }
        }
        if matches!(word.as_str(), "b" | "c") && self.peek(0) == '"' {
            let text = self.quoted();
            return self.push(Kind::Text(text), line);
        }
        self.push(Kind::Word(word), line);
    }

    fn raw(&mut self, hashes: usize) -> String {
        self.at += hashes + 1;
        let mut text = String::new();
        while self.at < self.chars.len() {
            let char = self.next();
            if char == '"' && (0..hashes).all(|ahead| self.peek(ahead) == '#') {
                self.at += hashes;
                break;
            }
            text.push(char);
        }
        text
    }

    fn quoted(&mut self) -> String {
        self.next();
        let mut text = String::new();
        while self.at < self.chars.len() {
            match self.next() {
                '"' => break,
                '\\' => match self.next() {
                    // A backslash at the end of a line swallows the blanks of the next one.
                    '\n' => {
                        while self.peek(0).is_whitespace() {
                            self.next();
                        }
                    }
                    'n' => text.push('\n'),
                    'r' => text.push('\r'),
                    't' => text.push('\t'),
                    other => text.push(other),
                },
                char => text.push(char),
            }
        }
        text
    }

    /// A character, or the mark of a lifetime.
    fn quote(&mut self) {
        let line = self.line;
        self.next();
        if self.peek(0) == '\\' {
            self.at += 2;
            while self.at < self.chars.len() && self.next() != '\'' {}
        } else if self.peek(1) == '\'' {
            self.next();
            self.next();
        } else {
            self.push(Kind::Sign('\''), line);
        }
    }
}

fn shown(source: &str) -> Vec<String> {
    let show = |token: Token| match token.kind {
        Kind::Word(word) => word,
        Kind::Sign(sign) => sign.to_string(),
        Kind::Text(text) => format!("<{text}>"),
    };
    tokenize(source).into_iter().map(show).collect()
}

#[test]
fn comments_are_not_tokens_however_they_nest() {
    assert_eq!(shown("a // b\nc /* d /* e */ f */ g"), ["a", "c", "g"]);
}

#[test]
fn what_stands_in_a_string_is_one_token() {
    assert_eq!(
        shown(r#"f("use crate::x; \" //")"#),
        ["f", "(", "<use crate::x; \" //>", ")"]
    );
    assert_eq!(shown("r##\"a \"# b\"## c"), ["<a \"# b>", "c"]);
    assert_eq!(shown("b\"x\" \"one \\\n   line\""), ["<x>", "<one line>"]);
}

#[test]
fn a_character_is_none_and_a_lifetime_is_a_word() {
    assert_eq!(shown(r"'{' '\'' '\u{1f}' &'a str"), ["&", "'", "a", "str"]);
}

#[test]
fn a_token_knows_its_line_behind_a_string_of_several_lines() {
    let lines: Vec<_> = tokenize("a\n\"b\n\"\nc")
        .iter()
        .map(|token| token.line)
        .collect();
    assert_eq!(lines, [1, 2, 4]);
}
