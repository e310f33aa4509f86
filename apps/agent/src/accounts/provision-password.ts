import { fingerprint, LOCKED, NO_PASSWORD, readPassword } from './crypt-hash.ts';
import type { PasswordRecord, Provisioned } from './password-records.ts';
import { makeSalt, sha512Crypt } from './sha512-crypt.ts';

/** What decides on the password field of a configured user. */
export interface PasswordQuestion {
  user: string;
  /** As configured; undefined when the configuration names none. */
  configured: string | undefined;
  /** `lock_passwd`: nothing that happened on the machine unlocks it. */
  locked: boolean;
  /** The field now; undefined for a new user. */
  current: string | undefined;
  record: PasswordRecord | undefined;
  /** What this start provisioned before. */
  provisioned: Provisioned | undefined;
  /** Days since 1970. */
  today: string;
}

/** The password field, its age, and what to remember. */
export interface PasswordAnswer {
  hash: string;
  changedOn: string;
  record: PasswordRecord;
  provisioned: Provisioned;
}

/**
 * Decides on a password field. What was changed on the machine wins while the configuration says what it said then;
 * when the configuration says something new, that wins. Undefined: leave the field alone.
 * Throws AgentError ACCOUNT_INVALID.
 */
export function provisionPassword(question: PasswordQuestion): PasswordAnswer | undefined {
  const { current, locked, record, today } = question;
  const wanted = wantedField(question);
  if (wanted === undefined) return undefined;
  const provisioned: Provisioned = { source: 'config', provisioned: fingerprint(wanted.hash) };
  const isKnown = record?.source === 'config' && record.provisioned === provisioned.provisioned;
  const changedOn = isKnown ? record.changedOn : today;
  const fresh: PasswordRecord = { ...provisioned, changedOn, ...(wanted.salt ? { salt: wanted.salt } : {}) };
  if (locked) return { hash: wanted.hash, changedOn, record: fresh, provisioned };
  const isDone =
    question.provisioned?.source === 'config' && question.provisioned.provisioned === provisioned.provisioned;
  if (isDone && current !== undefined) return undefined;
  if (isKnown && record.hash !== undefined) return { hash: record.hash, changedOn, record, provisioned };
  return { hash: wanted.hash, changedOn, record: fresh, provisioned };
}

function wantedField({
  user,
  configured,
  locked,
  current,
  record,
}: PasswordQuestion): { hash: string; salt?: string } | undefined {
  if (locked) return { hash: LOCKED };
  const password = readPassword(user, configured ?? '');
  if (password === undefined) return current === undefined ? { hash: NO_PASSWORD } : undefined;
  if (password.kind === 'hash') return { hash: password.hash };
  if (record?.salt !== undefined) {
    const hash = sha512Crypt(password.text, `$6$${record.salt}`);
    if (fingerprint(hash) === record.provisioned) return { hash, salt: record.salt };
  }
  const salt = makeSalt();
  return { hash: sha512Crypt(password.text, `$6$${salt}`), salt };
}
