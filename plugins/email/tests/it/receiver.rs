//! A small SMTP server, written from RFC 5321 (and 3207 for STARTTLS, 4954 for AUTH): it does what it is told to do, and
//! remembers what it was handed.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// What makes an encrypted stream of a plain one.
pub(crate) type Encrypt = Arc<dyn Fn(TcpStream) -> Box<dyn Stream> + Send + Sync>;

/// Both directions of a connection.
pub(crate) trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// How the server is.
#[derive(Clone, Default)]
pub(crate) struct Manner {
    /// Encrypts from the first byte.
    pub(crate) implicit: Option<Encrypt>,
    /// Offers STARTTLS.
    pub(crate) starttls: Option<Encrypt>,
    /// Who may sign in, as it comes over the line: base64 of NUL user NUL password. Others are refused.
    pub(crate) login: Option<String>,
    /// Answers in place of the usual ones, each used once: how the command begins (or `greeting`, `.` for the mail), and
    /// the answer; an empty one ends the connection, `...` says nothing more.
    pub(crate) answers: Vec<(&'static str, &'static str)>,
}

/// A mail that was taken.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// As it was meant: without the dots that were put before dots.
    pub(crate) bytes: Vec<u8>,
    pub(crate) encrypted: bool,
    pub(crate) signed_in: bool,
}

#[derive(Default)]
struct Seen {
    taken: Vec<Taken>,
    commands: Vec<String>,
    answers: Vec<(&'static str, &'static str)>,
}

/// The server, for as long as the test runs.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Receiver {
    pub(crate) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let receiver = Self { address, seen: Arc::default() };
        receiver.then(&manner.answers);
        let this = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (this, manner) = (this.clone(), manner.clone());
                thread::spawn(move || Conversation::hold(stream, &manner, &this));
            }
        });
        receiver
    }

    /// Further answers in place of the usual ones.
    pub(crate) fn then(&self, answers: &[(&'static str, &'static str)]) {
        self.seen().answers.extend_from_slice(answers);
    }

    /// What was taken so far.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.seen().taken.clone()
    }

    /// What was said so far; passwords too.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.seen().commands.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("a lock")
    }

    /// The answer to what begins so.
    fn answer(&self, said: &str, usual: &str) -> String {
        let mut seen = self.seen();
        let at = seen
            .answers
            .iter()
            .position(|(to, _)| said.to_ascii_uppercase().starts_with(&to.to_ascii_uppercase()));
        at.map_or_else(|| usual.to_owned(), |at| seen.answers.remove(at).1.to_owned())
    }

    fn take(&self, mail: Taken) {
        self.seen().taken.push(mail);
    }
}

struct Conversation<'a> {
    stream: BufReader<Box<dyn Stream>>,
    receiver: &'a Receiver,
    mail: Taken,
}

impl Conversation<'_> {
    fn hold(stream: TcpStream, manner: &Manner, receiver: &Receiver) {
        let plain = stream.try_clone().expect("a second handle");
        let is_encrypted = manner.implicit.is_some();
        let stream = match &manner.implicit {
            Some(encrypt) => encrypt(stream),
            None => Box::new(stream),
        };
        let mail = Taken { encrypted: is_encrypted, ..Taken::default() };
        let mut this = Conversation { stream: BufReader::new(stream), receiver, mail };
        // However it ends, the test looks at what was taken.
        let _ = this.talk(manner, &plain);
        let _ = plain.shutdown(std::net::Shutdown::Both);
    }

    fn talk(&mut self, manner: &Manner, plain: &TcpStream) -> io::Result<()> {
        let mut answer = self.receiver.answer("greeting", "220 mx.test ESMTP");
        loop {
            match answer.as_str() {
                "" => return Ok(()),
                // Says nothing, and waits until the other side has had enough.
                "..." => return self.stream.read_to_end(&mut Vec::new()).map(drop),
                said => {
                    self.stream.get_mut().write_all(format!("{said}\r\n").as_bytes())?;
                    self.stream.get_mut().flush()?;
                }
            }
            if answer.starts_with("220")
                && answer.contains("TLS")
                && let Some(encrypt) = &manner.starttls
            {
                // What was said before is not to be trusted (RFC 3207, 4.2).
                self.stream = BufReader::new(encrypt(plain.try_clone()?));
                self.mail = Taken { encrypted: true, ..Taken::default() };
            }
            if answer.starts_with("354") {
                answer = self.data()?;
                continue;
            }
            let mut command = String::new();
            if self.stream.read_line(&mut command)? == 0 {
                return Ok(());
            }
            let command = command.trim_end().to_owned();
            self.receiver.seen().commands.push(command.clone());
            let usual = self.usual(&command, manner);
            answer = self.receiver.answer(&command, &usual);
            if answer.starts_with('2') {
                self.note(&command);
            }
        }
    }

    fn usual(&self, command: &str, manner: &Manner) -> String {
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                let mut lines = vec!["mx.test"];
                lines.extend((manner.starttls.is_some() && !self.mail.encrypted).then_some("STARTTLS"));
                lines.extend(manner.login.as_ref().map(|_| "AUTH PLAIN LOGIN"));
                lines.push("8BITMIME");
                let last = lines.len() - 1;
                let line =
                    |(at, line): (usize, &&str)| format!("250{}{line}", if at == last { ' ' } else { '-' });
                lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\r\n")
            }
            "STARTTLS" if manner.starttls.is_some() && !self.mail.encrypted => "220 ready for TLS".into(),
            "AUTH" => match command.strip_prefix("AUTH PLAIN ") {
                Some(said) if Some(said) == manner.login.as_deref() => "235 2.7.0 welcome".into(),
                _ => "535 5.7.8 authentication failed".into(),
            },
            "MAIL" if manner.login.is_some() && !self.mail.signed_in => {
                "530 5.7.0 authentication required".into()
            }
            "MAIL" | "RCPT" | "NOOP" | "RSET" => "250 2.0.0 ok".into(),
            "DATA" if self.mail.to.is_empty() => "554 5.5.1 no valid recipients".into(),
            "DATA" => "354 end with a dot".into(),
            "QUIT" => "221 bye".into(),
            _ => "500 5.5.1 not understood".into(),
        }
    }

    /// What has become true by a command that was granted.
    fn note(&mut self, command: &str) {
        let path = || command.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let verb = command.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "AUTH" => self.mail.signed_in = true,
            "MAIL" => (self.mail.from, self.mail.to) = (path(), Vec::new()),
            "RCPT" => self.mail.to.push(path()),
            _ => {}
        }
    }

    /// Reads the mail, and answers it.
    fn data(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line)? == 0 {
                return Ok(String::new());
            }
            assert!(line.ends_with(b"\r\n") && line.len() <= 1_000, "RFC 5321, 4.5.3.1.6: {line:?}");
            if line == b".\r\n" {
                break;
            }
            bytes.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
        let answer = self.receiver.answer(".", "250 2.0.0 Ok: queued as 4XyZ12");
        if answer.starts_with('2') {
            self.receiver.take(Taken { bytes, ..self.mail.clone() });
        }
        Ok(answer)
    }
}
