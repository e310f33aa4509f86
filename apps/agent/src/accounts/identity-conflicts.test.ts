import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupTable, passwdTable } from './account-codecs.ts';
import { findIdentityConflicts } from './identity-conflicts.ts';
import { emptyLedger, formatIdentityLedger, type IdentityLedger, parseIdentityLedger } from './identity-ledger.ts';

const ledgerOf = (users: Record<string, number>, groups: Record<string, number> = {}): IdentityLedger => {
  const names = (map: Record<string, number>) =>
    new Map(Object.entries(map).map(([name, id]) => [name, { id, source: 'image' as const }]));
  return { users: names(users), groups: names(groups) };
};
const passwd = (users: Record<string, number>) =>
  passwdTable(
    Object.entries(users)
      .map(([name, uid]) => `${name}:x:${uid}:0::/:/bin/sh\n`)
      .join(''),
  ).entries;
const group = (groups: Record<string, number>) =>
  groupTable(
    Object.entries(groups)
      .map(([name, gid]) => `${name}:x:${gid}:\n`)
      .join(''),
  ).entries;
const owned = (...ids: number[]) => ({ uids: new Set(ids), gids: new Set(ids) });

describe('an image', () => {
  it('with the same numbers has no conflict', () => {
    const users = { root: 0, app: 100 };
    const question = { ledger: ledgerOf(users), passwd: passwd(users), group: [], ownedIds: owned(0, 100) };
    expect(findIdentityConflicts(question)).toEqual([]);
  });

  it('that moves a name whose number owns files has one', () => {
    const question = { ledger: ledgerOf({ app: 100 }), passwd: passwd({ app: 101 }), group: [], ownedIds: owned(100) };
    expect(findIdentityConflicts(question)).toEqual([
      { kind: 'user', name: 'app', id: 100, reason: 'moved', there: '101' },
    ]);
  });

  it('that moves a name without files has none', () => {
    const question = { ledger: ledgerOf({ app: 100 }), passwd: passwd({ app: 101 }), group: [], ownedIds: owned(0) };
    expect(findIdentityConflicts(question)).toEqual([]);
  });

  it('that gives the number of a user with files to somebody else has one', () => {
    const question = {
      ledger: ledgerOf({ ada: 1000 }),
      passwd: passwd({ web: 1000 }),
      group: [],
      ownedIds: owned(1000),
    };
    expect(findIdentityConflicts(question)).toEqual([
      { kind: 'user', name: 'ada', id: 1000, reason: 'taken', there: 'web' },
    ]);
  });

  it('that just lacks a name has none: its files stay nobody else’s', () => {
    const question = { ledger: ledgerOf({ app: 100 }), passwd: passwd({}), group: [], ownedIds: owned(100) };
    expect(findIdentityConflicts(question)).toEqual([]);
  });

  it('may have two names for one number, as here', () => {
    const users = { root: 0, toor: 0 };
    const question = { ledger: ledgerOf(users), passwd: passwd({ root: 0 }), group: [], ownedIds: owned(0) };
    expect(findIdentityConflicts(question)).toEqual([]);
  });

  it('is looked at for groups alike', () => {
    const ledger = ledgerOf({}, { docker: 998, audio: 29 });
    const question = { ledger, passwd: [], group: group({ docker: 997, audio: 29 }), ownedIds: owned(998, 29) };
    expect(findIdentityConflicts(question)).toEqual([
      { kind: 'group', name: 'docker', id: 998, reason: 'moved', there: '997' },
    ]);
  });

  it('has no conflict with itself, whatever it holds', () => {
    const map = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), fc.nat(50), { maxKeys: 8 });
    fc.assert(
      fc.property(map, map, (users, groups) => {
        const question = { ledger: ledgerOf(users, groups), passwd: passwd(users), group: group(groups) };
        const ownedIds = owned(...Array.from({ length: 51 }, (_, id) => id));
        expect(findIdentityConflicts({ ...question, ownedIds })).toEqual([]);
      }),
    );
  });
});

describe('the ledger', () => {
  it('comes back as it was written, and is the same bytes whatever the order', () => {
    const ledger = ledgerOf({ b: 2, a: 1 }, { c: 3 });
    const text = formatIdentityLedger(ledger);
    expect(parseIdentityLedger(text)).toEqual(ledger);
    expect(formatIdentityLedger(ledgerOf({ a: 1, b: 2 }, { c: 3 }))).toBe(text);
  });

  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{"version":2,"users":{},"groups":{}}',
    '{"version":1,"users":[],"groups":{}}',
    '{"version":1,"users":{"a":{"id":-1,"source":"image"}},"groups":{}}',
    '{"version":1,"users":{"a":{"id":1,"source":"x"}},"groups":{}}',
  ])('is not %s', (text) => {
    expect(parseIdentityLedger(text)).toBeUndefined();
  });

  it('is empty at first', () => {
    expect(parseIdentityLedger(formatIdentityLedger(emptyLedger()))).toEqual(emptyLedger());
  });
});
