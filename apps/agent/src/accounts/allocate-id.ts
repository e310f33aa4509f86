import { AgentError } from '../error.ts';
import type { IdRange } from './login-defaults.ts';

/** What is known about ids when one is looked for. */
export interface IdQuestion {
  name: string;
  /** For messages. */
  kind: 'user' | 'group';
  /** The number the configuration asks for. */
  explicit?: number | undefined;
  /** What the ledger fixed for names, this one among them. */
  ledger: ReadonlyMap<string, number>;
  /** Numbers that stand in the account files under other names. */
  taken: ReadonlyMap<number, string>;
  /** Numbers that other entries of the configuration ask for. */
  reserved: ReadonlySet<number>;
  /** To be tried before the range, best first: the owner of the home folder, the number of the user for its group. */
  preferred: readonly number[];
  range: IdRange;
  /** System accounts are numbered downward, as shadow-utils does it. */
  downward: boolean;
}

/** A number, and what should be told about it. */
export interface IdAnswer {
  id: number;
  note?: string;
}

/**
 * Chooses the number of a new account from what is given alone, so the same machine gives the same number: the one that
 * is asked for, else that of the ledger, else a preferred one, else the next free. A number that the ledger gave to
 * another name is never chosen, because that name may own files. Throws AgentError ACCOUNT_INVALID.
 */
export function allocateId(question: IdQuestion): IdAnswer {
  const { name, kind, explicit, ledger, taken, range } = question;
  const known = ledger.get(name);
  if (explicit !== undefined) {
    const other = taken.get(explicit);
    if (other !== undefined) throw refused(question, explicit, other);
    if (known === undefined || known === explicit) return { id: explicit };
    return { id: explicit, note: `${kind} ${name} had the number ${known} before: its files keep that number` };
  }
  if (known !== undefined) {
    const other = taken.get(known);
    if (other === undefined) return { id: known };
    const id = search(question);
    return {
      id,
      note: `${kind} ${name} had the number ${known}, which ${other} of the image has now: it became ${id}`,
    };
  }
  const isFree = freeTest(question);
  for (const id of question.preferred) if (isFree(id)) return { id };
  if (range.first > range.last) throw exhausted(question);
  return { id: search(question) };
}

function search(question: IdQuestion): number {
  const { range, downward } = question;
  const isFree = freeTest(question);
  const [first, step] = downward ? [range.last, -1] : [range.first, 1];
  for (let id = first; id >= range.first && id <= range.last; id += step) if (isFree(id)) return id;
  throw exhausted(question);
}

function freeTest({ name, ledger, taken, reserved }: IdQuestion): (id: number) => boolean {
  const given = new Set([...ledger].filter(([other]) => other !== name).map(([, id]) => id));
  return (id) => !taken.has(id) && !reserved.has(id) && !given.has(id);
}

function refused({ name, kind }: IdQuestion, id: number, other: string): AgentError {
  return new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `${kind} ${name} cannot have the number ${id}: ${other} has it`,
    hint: 'Choose another number, or leave it out.',
  });
}

function exhausted({ name, kind, range }: IdQuestion): AgentError {
  return new AgentError({
    code: 'ACCOUNT_INVALID',
    message: `no number is free for ${kind} ${name} from ${range.first} to ${range.last}`,
    hint: 'The range is set in /etc/login.defs of the image.',
  });
}
