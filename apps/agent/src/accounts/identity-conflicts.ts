import type { GroupEntry, PasswdEntry } from './account-codecs.ts';
import type { IdentityLedger } from './identity-ledger.ts';

/** Numbers that files belong to. */
export interface OwnedIds {
  uids: ReadonlySet<number>;
  gids: ReadonlySet<number>;
}

/** A number that means somebody else in another image, and that files on state belong to. */
export interface IdentityConflict {
  kind: 'user' | 'group';
  /** The name that has the number on this machine. */
  name: string;
  /** The number files belong to. */
  id: number;
  /** `moved`: the name has another number there. `taken`: the number has another name there. */
  reason: 'moved' | 'taken';
  /** Number (moved) or name (taken) in the other image. */
  there: string;
}

/**
 * Compares the numbers of another image with those that files of this machine belong to. Pure. A conflict is a number
 * that would change its meaning: that of a name that moved, and that of a name of ours which somebody else gets.
 */
export function findIdentityConflicts(question: {
  ledger: IdentityLedger;
  passwd: readonly PasswdEntry[];
  group: readonly GroupEntry[];
  ownedIds: OwnedIds;
}): IdentityConflict[] {
  const { ledger, ownedIds } = question;
  const users = new Map(question.passwd.toReversed().map(({ name, uid }) => [name, uid]));
  const groups = new Map(question.group.toReversed().map(({ name, gid }) => [name, gid]));
  return [
    ...compare('user', idsOf(ledger.users), users, ownedIds.uids),
    ...compare('group', idsOf(ledger.groups), groups, ownedIds.gids),
  ];
}

function compare(
  kind: 'user' | 'group',
  here: ReadonlyMap<string, number>,
  there: ReadonlyMap<string, number>,
  owned: ReadonlySet<number>,
): IdentityConflict[] {
  const conflicts: IdentityConflict[] = [];
  const namesThere = new Map<number, string[]>();
  for (const [name, id] of there) namesThere.set(id, [...(namesThere.get(id) ?? []), name]);
  const namesHere = new Map<number, Set<string>>();
  for (const [name, id] of here) namesHere.set(id, (namesHere.get(id) ?? new Set()).add(name));
  for (const [name, id] of [...here].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!owned.has(id)) continue;
    const now = there.get(name);
    if (now !== undefined && now !== id) {
      conflicts.push({ kind, name, id, reason: 'moved', there: String(now) });
      continue;
    }
    // Several names may share a number; one that shares it here may do so there.
    const stranger = namesThere.get(id)?.find((other) => !namesHere.get(id)?.has(other));
    if (now === undefined && stranger !== undefined) {
      conflicts.push({ kind, name, id, reason: 'taken', there: stranger });
    }
  }
  return conflicts;
}

function idsOf(names: ReadonlyMap<string, { id: number }>): Map<string, number> {
  return new Map([...names].map(([name, { id }]) => [name, id]));
}
