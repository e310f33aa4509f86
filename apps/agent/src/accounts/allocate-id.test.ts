import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocateId, type IdQuestion } from './allocate-id.ts';

const question = (part: Partial<IdQuestion> = {}): IdQuestion => ({
  name: 'ada',
  kind: 'user',
  ledger: new Map(),
  taken: new Map(),
  reserved: new Set(),
  preferred: [],
  range: { first: 1000, last: 1005 },
  downward: false,
  ...part,
});
const ids = fc.integer({ min: 995, max: 1010 });
const names = fc.constantFrom('ada', 'bob', 'eve', 'zoe');

describe('a number', () => {
  it.each<[string, Partial<IdQuestion>, number]>([
    ['is the first of the range', {}, 1000],
    ['is the last of the range for system accounts', { downward: true }, 1005],
    ['is the one that is asked for, also outside of the range', { explicit: 7 }, 7],
    ['is that of the ledger, also outside of the range', { ledger: new Map([['ada', 1234]]) }, 1234],
    ['is the preferred one before the next free one', { preferred: [4000] }, 4000],
    ['is the next free one when the preferred one is taken', { preferred: [1], taken: new Map([[1, 'bin']]) }, 1000],
    [
      'leaves out what is taken, reserved, or of another name in the ledger',
      { taken: new Map([[1000, 'x']]), reserved: new Set([1001]), ledger: new Map([['bob', 1002]]) },
      1003,
    ],
    ['is that of the ledger before a preferred one', { preferred: [4000], ledger: new Map([['ada', 1001]]) }, 1001],
  ])('%s', (_what, part, id) => {
    expect(allocateId(question(part))).toEqual({ id });
  });

  it('that is asked for and differs from the ledger is told', () => {
    const answer = allocateId(question({ explicit: 7, ledger: new Map([['ada', 1000]]) }));
    expect(answer).toEqual({ id: 7, note: 'user ada had the number 1000 before: its files keep that number' });
  });

  it('is not found when none is free', () => {
    const range = { first: 1000, last: 1000 };
    expect(() => allocateId(question({ range, taken: new Map([[1000, 'x']]) }))).toThrow('no number is free');
    expect(() => allocateId(question({ range: { first: 2, last: 1 } }))).toThrow('no number is free');
  });

  it('is never that of another name, wherever it comes from', () => {
    const arbitrary = fc.record({
      ledger: fc.array(fc.tuple(names, ids)).map((entries) => new Map(entries)),
      taken: fc
        .array(
          fc.tuple(
            ids,
            names.filter((name) => name !== 'ada'),
          ),
        )
        .map((entries) => new Map(entries)),
      reserved: fc.array(ids, { maxLength: 2 }).map((list) => new Set(list)),
      preferred: fc.array(ids, { maxLength: 2 }),
      downward: fc.boolean(),
    });
    fc.assert(
      fc.property(arbitrary, (part) => {
        let id: number;
        try {
          ({ id } = allocateId(question({ ...part, range: { first: 995, last: 1010 } })));
        } catch (error) {
          expect(error).toMatchObject({ code: 'ACCOUNT_INVALID' });
          return;
        }
        expect(part.taken.has(id)).toBe(false);
        if (part.ledger.get('ada') !== id) {
          expect([...part.ledger.values()]).not.toContain(id);
          expect(part.reserved.has(id)).toBe(false);
        }
        expect(allocateId(question({ ...part, range: { first: 995, last: 1010 } })).id).toBe(id);
      }),
    );
  });
});
