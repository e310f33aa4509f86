import { readKeySource } from '../accounts/key-sources.ts';
import { makeSalt, sha512Crypt } from '../accounts/sha512-crypt.ts';

/** A hash costs an attacker ten times what crypt(3) makes by itself; a login still takes no noticeable time. */
const ROUNDS = 50_000;
const MIN_PASSWORD = 8;
const MAX_PASSWORD = 256;

/** What people are asked for, where they bring no configuration. Empty texts: not given. */
export interface FirstUser {
  hostname: string;
  user: string;
  password: string;
  /** Public keys, `github:NAME`, `gitlab:NAME` or web addresses, one a line. */
  keys: string;
}

/** A sentence about each answer that cannot be used. */
export type AnswerProblems = Partial<Record<keyof FirstUser, string>>;

/** What is wrong with an answer; undefined when nothing is. Values are never repeated. */
export const CHECKS: { readonly [Field in keyof FirstUser]: (value: string) => string | undefined } = {
  hostname: (value) =>
    value === '' ||
    (value.length <= 64 && value.split('.').every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)))
      ? undefined
      : 'A name has letters, digits and dashes, in parts with dots between them; 64 characters at most.',
  user: (value) => {
    if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(value)) {
      return 'A user name has small letters, digits, dashes and underscores, and begins with a letter; 32 characters at most.';
    }
    return undefined;
  },
  password: (value) => {
    if (value === '') return undefined;
    // A hash would be taken as one, and a line end cannot be typed at a login.
    if (/[\0-\x1f\x7f]/.test(value)) return 'The password holds characters that cannot be typed at a login.';
    return value.length >= MIN_PASSWORD && value.length <= MAX_PASSWORD
      ? undefined
      : `A password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters.`;
  },
  keys: (value) => {
    const bad = keyLines(value).findIndex((line) => !isKeySource(line));
    return bad < 0
      ? undefined
      : `Line ${bad + 1} is neither a public key, github:NAME, gitlab:NAME nor a web address. A public key is the one line of a .pub file.`;
  },
};

/** Everything that is wrong with the answers; empty when they make a configuration. */
export function checkFirstUser(answers: FirstUser): AnswerProblems {
  const problems: AnswerProblems = {};
  for (const field of ['hostname', 'user', 'password', 'keys'] as const) {
    const problem = CHECKS[field](answers[field]);
    if (problem !== undefined) problems[field] = problem;
  }
  if (answers.password === '' && keyLines(answers.keys).length === 0) {
    problems.password ??= 'Give a password or an SSH key: nobody could log in otherwise.';
  }
  return problems;
}

/** The cloud-config that the answers mean. It holds the password's hash, never the password. Deterministic but for the salt. */
export function firstUserConfig(answers: FirstUser): string {
  const keys = keyLines(answers.keys);
  const quoted = (value: string) => JSON.stringify(value);
  const hash = () => sha512Crypt(answers.password, `$6$rounds=${ROUNDS}$${makeSalt()}`);
  return [
    '#cloud-config',
    ...(answers.hostname === '' ? [] : [`hostname: ${quoted(answers.hostname)}`]),
    'users:',
    `  - name: ${quoted(answers.user)}`,
    '    groups: [admin]',
    ...(answers.password === '' ? [] : [`    passwd: ${quoted(hash())}`]),
    ...(keys.length === 0 ? [] : ['    ssh_authorized_keys:', ...keys.map((key) => `      - ${quoted(key)}`)]),
    '',
  ].join('\n');
}

function keyLines(text: string): string[] {
  return text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function isKeySource(line: string): boolean {
  try {
    readKeySource(line);
    return true;
  } catch {
    return false;
  }
}
