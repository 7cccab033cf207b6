//! Reading a form back as its receiver does.

/// The fields of `application/x-www-form-urlencoded`, decoded, in order.
///
/// # Panics
/// When it is not one.
pub(crate) fn fields(body: &str) -> Vec<(String, String)> {
    body.split('&')
        .map(|field| field.split_once('=').expect("a name and a value"))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
                let digits = std::str::from_utf8(&digits).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}
