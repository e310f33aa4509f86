import { createHash, randomBytes } from 'node:crypto';

/** Rounds where the setting names none. */
const DEFAULT_ROUNDS = 5000;
const MIN_ROUNDS = 1000;
const MAX_ROUNDS = 999_999_999;
const MAX_SALT_LENGTH = 16;
const BLOCK = 64;
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * SHA-512 crypt ("SHA-crypt" of Ulrich Drepper, prefix `$6$`) of a password. `setting` is `$6$SALT` or
 * `$6$rounds=N$SALT`, or a whole hash, of which the rest is not looked at. Deterministic.
 */
export function sha512Crypt(password: string, setting: string): string {
  const [, roundsText, saltText = ''] = /^\$6\$(?:rounds=(\d+)\$)?([^$]*)/.exec(setting) ?? [];
  const rounds =
    roundsText === undefined ? DEFAULT_ROUNDS : Math.min(MAX_ROUNDS, Math.max(MIN_ROUNDS, Number(roundsText)));
  const salt = Buffer.from(saltText).subarray(0, MAX_SALT_LENGTH);
  const key = Buffer.from(password);
  const prefix = roundsText === undefined ? '$6$' : `$6$rounds=${rounds}$`;
  return `${prefix}${salt.toString()}$${encode(digestOf(key, salt, rounds))}`;
}

/** A salt of 16 characters, 96 random bits. */
export function makeSalt(): string {
  return [...randomBytes(MAX_SALT_LENGTH)].map((byte) => ALPHABET[byte & 63]).join('');
}

/** The steps of the specification; its letters are named here for what they are. */
function digestOf(key: Buffer, salt: Buffer, rounds: number): Buffer {
  const alternate = sha512(key, salt, key);
  const first = createHash('sha512').update(key).update(salt).update(repeat(alternate, key.length));
  for (let bits = key.length; bits > 0; bits >>= 1) first.update(bits & 1 ? alternate : key);
  let digest = first.digest();

  const keyHash = createHash('sha512');
  for (let count = 0; count < key.length; count += 1) keyHash.update(key);
  const keyBytes = repeat(keyHash.digest(), key.length);

  const saltHash = createHash('sha512');
  for (let count = 0; count < 16 + (digest[0] ?? 0); count += 1) saltHash.update(salt);
  const saltBytes = repeat(saltHash.digest(), salt.length);

  for (let round = 0; round < rounds; round += 1) {
    const hash = createHash('sha512').update(round & 1 ? keyBytes : digest);
    if (round % 3 !== 0) hash.update(saltBytes);
    if (round % 7 !== 0) hash.update(keyBytes);
    digest = hash.update(round & 1 ? digest : keyBytes).digest();
  }
  return digest;
}

function sha512(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** The block over and over, cut to a length. */
function repeat(block: Buffer, length: number): Buffer {
  return Buffer.concat(
    Array.from({ length: Math.ceil(length / BLOCK) }, () => block),
    length,
  );
}

/** Base 64 of crypt(3): three bytes, 21 apart and rotating, give four characters, lowest bits first. */
function encode(digest: Buffer): string {
  const at = (index: number) => digest[index] ?? 0;
  let text = '';
  for (let group = 0; group < 21; group += 1) {
    const trio = [group, group + 21, group + 42];
    const turn = group % 3;
    const [a = 0, b = 0, c = 0] = [...trio.slice(turn), ...trio.slice(0, turn)];
    text += characters((at(a) << 16) | (at(b) << 8) | at(c), 4);
  }
  return text + characters(at(63), 2);
}

function characters(value: number, count: number): string {
  let text = '';
  for (let rest = value, left = count; left > 0; left -= 1, rest >>= 6) text += ALPHABET[rest & 63];
  return text;
}
