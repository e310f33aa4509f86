import { isSecretName, namedSecrets, REDACTED, redactText } from './redact-text.ts';

/** Shorter ones would tear words of other texts apart. */
const MIN_KNOWN_LENGTH = 6;
/** Names whose text may hold anything, keys and passwords too. */
const OPAQUE_NAMES = new Set(['content', 'user_data', 'userdata', 'key_file', 'decoded']);
/** Where keys come from is not secret: `github:name`. */
const KEY_SOURCE = /^(?:github|gitlab):[\w.-]+$/;

/** A copy of a configuration in which secrets are replaced. */
export function redactValue(value: unknown, secret = false): unknown {
  if (typeof value === 'string') {
    if (value === '' || (secret && KEY_SOURCE.test(value))) return value;
    return secret ? REDACTED : redactText(value);
  }
  if (Array.isArray(value))
    return value.map((item, index) => redactValue(item, secret || followsSecretOption(value, index)));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => [key, redactValue(item, secret || isSecret(key))]);
    return Object.fromEntries(entries) as unknown;
  }
  return secret && typeof value === 'number' ? REDACTED : value;
}

/**
 * The secrets of a configuration, longest first: values of secret names, also inside of texts such as contents of files,
 * and user and password of URLs.
 * Taking them out of logs catches what programs repeat.
 */
export function secretsOf(value: unknown): string[] {
  const found = new Set<string>();
  collect(value, false, found);
  return [...found].toSorted((left, right) => right.length - left.length);
}

function collect(value: unknown, secret: boolean, found: Set<string>): void {
  if (typeof value === 'string') {
    for (const [, userinfo = ''] of value.matchAll(/:\/\/([^\s/@]{1,1000})@/g)) {
      for (const part of userinfo.split(':')) addSecret(part, found);
    }
    for (const named of namedSecrets(value)) addSecret(named, found);
    if (!secret || KEY_SOURCE.test(value)) return;
    addSecret(value.trim(), found);
    // Of a text of several lines programs may repeat any one.
    if (value.includes('\n')) for (const line of value.split('\n')) addSecret(line.trim(), found);
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) collect(item, secret || followsSecretOption(value, index), found);
  } else if (typeof value === 'object' && value !== null) {
    // The lines of a file are no secrets of their own: most are ordinary words.
    for (const [key, item] of Object.entries(value)) collect(item, secret || isSecretName(key), found);
  }
}

function addSecret(text: string, found: Set<string>): void {
  if (text.length >= MIN_KNOWN_LENGTH) found.add(text);
}

function isSecret(key: string): boolean {
  return isSecretName(key) || OPAQUE_NAMES.has(key);
}

/** `[--token, abc]`: the second is the value of the first. */
function followsSecretOption(list: readonly unknown[], index: number): boolean {
  const before = list[index - 1];
  return typeof before === 'string' && /^--?[\w-]+$/.test(before) && isSecretName(before);
}
