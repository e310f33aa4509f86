/** What stands where a secret stood. */
export const REDACTED = '***';

/** Names whose values are secret, wherever they stand in a name such as `k3s_agent_token`. */
const SECRET_WORDS =
  'passw|passphrase|pwd|secret|token|credential|private|psk|auth(?!orized)|api-?_?key|bearer|cookie|signature';
const SECRET_NAME = new RegExp(`${SECRET_WORDS}|(?:^|[_.-])keys?(?:$|[_.-])|[a-z]Keys?$`, 'i');
/** `NAME=`, `"name": ` and `--name `: what stands before a value. */
const NAME = /(?:(["']?)([\w.-]{1,100})\1\s{0,3}[=:]\s{0,3}|(--?[\w-]{1,100})\s{1,3}(?!-))/g;
const VALUE = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;}\]&]+/y;
const USERINFO = /([A-Za-z][A-Za-z0-9+.-]{0,30}:\/\/)[^\s/@"'<>]{1,1000}@/g;
const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}(?:PRIVATE KEY|MESSAGE)[A-Z ]{0,10}-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,60}-----|$)/g;
const PASSWORD_HASH = /\$(?:1|2[abxy]?|5|6|7|y|gy|sha1|argon2id?)\$[./A-Za-z0-9$=,+-]{8,}/g;
const AUTHORIZATION = /\b(Basic|Bearer)\s+[A-Za-z0-9._~+/=-]{8,}/gi;

/** Whether values of this name are secret. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/**
 * Text without what looks like a secret: private keys, password hashes, user and password of URLs, and the values of
 * names such as `token`. Takes linear time.
 */
export function redactText(text: string): string {
  const plain = text
    .replaceAll(PRIVATE_KEY, REDACTED)
    .replaceAll(USERINFO, `$1${REDACTED}@`)
    .replaceAll(PASSWORD_HASH, REDACTED)
    .replaceAll(AUTHORIZATION, `$1 ${REDACTED}`);
  return redactNamed(plain);
}

/** Values that stand behind secret names in a text, without their quotes. */
export function namedSecrets(text: string): string[] {
  return [...namedValues(text)].map(({ start, end }) => text.slice(start, end).replaceAll(/^["']|["']$/g, ''));
}

function redactNamed(text: string): string {
  let out = '';
  let copied = 0;
  for (const { start, end } of namedValues(text)) {
    out += text.slice(copied, start) + REDACTED;
    copied = end;
  }
  return out + text.slice(copied);
}

/** Only values of secret names are passed over: in `options: token=abc` the value holds a name again. */
function* namedValues(text: string): Iterable<{ start: number; end: number }> {
  let at = 0;
  for (;;) {
    NAME.lastIndex = at;
    const match = NAME.exec(text);
    if (match === null) return;
    const start = match.index + match[0].length;
    at = start;
    if (!isSecretName(match[2] ?? match[3] ?? '')) continue;
    VALUE.lastIndex = start;
    const value = VALUE.exec(text)?.[0];
    if (value === undefined) continue;
    at = start + value.length;
    yield { start, end: at };
  }
}

/** Text without these secrets, and without what looks like one. */
export function redactKnown(text: string, secrets: readonly string[]): string {
  let out = text;
  for (const secret of secrets) out = out.replaceAll(secret, REDACTED);
  return redactText(out);
}
