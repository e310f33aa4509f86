import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeMachineValues } from './merge.ts';

type Values = Record<string, unknown>;
const merge = (...all: Values[]) => mergeMachineValues(all.map((values, index) => ({ file: `${index}.yaml`, values })));

describe('merging two documents', () => {
  it.each<[name: string, a: Values, b: Values, merged: Values]>([
    ['keys of both', { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ['text: the later', { a: 'x' }, { a: 'y' }, { a: 'y' }],
    ['a number: the later', { a: 1 }, { a: 2 }, { a: 2 }],
    ['a truth value: the later, also when false', { a: true }, { a: false }, { a: false }],
    ['empty text replaces', { a: 'x' }, { a: '' }, { a: '' }],
    ['maps: deep', { a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 3 }, e: 4 } }, { a: { b: { c: 3, d: 2 }, e: 4 } }],
    ['an empty map changes nothing', { a: { b: 1 } }, { a: {} }, { a: { b: 1 } }],
    ['lists of scalars: what is missing is appended', { a: [1, 2] }, { a: [2, 3] }, { a: [1, 2, 3] }],
    ['lists of scalars keep their order', { a: ['z', 'a'] }, { a: ['m', 'a'] }, { a: ['z', 'a', 'm'] }],
    ['lists of maps: appended', { a: [{ n: 1 }] }, { a: [{ n: 2 }] }, { a: [{ n: 1 }, { n: 2 }] }],
    ['lists of maps: appended even when equal', { a: [{ n: 1 }] }, { a: [{ n: 1 }] }, { a: [{ n: 1 }, { n: 1 }] }],
    ['the first item of the earlier list decides', { a: ['x'] }, { a: [{ n: 1 }, 'x'] }, { a: ['x', { n: 1 }] }],
    [
      'maps behind a scalar are compared whole',
      { a: ['x', { n: 1, m: 2 }] },
      { a: [{ m: 2, n: 1 }] },
      { a: ['x', { n: 1, m: 2 }] },
    ],
    ['lists of lists: what is missing', { a: [[1]] }, { a: [[1], [2]] }, { a: [[1], [2]] }],
    ['an empty list takes the later one', { a: [] }, { a: [1, 1] }, { a: [1, 1] }],
    ['an empty later list changes nothing', { a: [1] }, { a: [] }, { a: [1] }],
    ['1 and "1" are two items', { a: [1] }, { a: ['1'] }, { a: [1, '1'] }],
    ['null resets text', { a: 'x' }, { a: null }, { a: '' }],
    ['null resets a number', { a: 5 }, { a: null }, { a: 0 }],
    ['null resets a truth value', { a: true }, { a: null }, { a: false }],
    ['null resets a list', { a: [1] }, { a: null }, { a: [] }],
    ['null resets a map', { a: { b: 1 } }, { a: null }, { a: {} }],
    ['null resets below a map', { a: { b: 'x', c: 1 } }, { a: { b: null } }, { a: { b: '', c: 1 } }],
    ['null for what was never there: nothing', {}, { a: null }, {}],
    ['null below what was never there: nothing', {}, { a: { b: null, c: 1 } }, { a: { c: 1 } }],
    ['a value after null', { a: null }, { a: 'x' }, { a: 'x' }],
  ])('%s', (_name, a, b, merged) => {
    expect(merge(a, b)).toEqual({ values: merged, problems: [] });
  });

  it.each([
    ['text with a list', 'x', [1], 'cannot merge text with a list'],
    ['a list with text', [1], 'x', 'cannot merge a list with text'],
    ['a map with a list', { c: 1 }, [1], 'cannot merge a map with a list'],
    ['a list with a map', [1], { c: 1 }, 'cannot merge a list with a map'],
    ['a number with text', 1, 'x', 'cannot merge a number with text'],
    ['true with a map', true, { c: 1 }, 'cannot merge true or false with a map'],
  ])('%s: the earlier stays, and the later file is named', (_name, a, b, message) => {
    const { values, problems } = merge({ k: { a } }, { k: { a: b }, z: 1 });
    expect(values).toEqual({ k: { a }, z: 1 });
    expect(problems).toMatchObject([{ file: '1.yaml', path: 'k.a', severity: 'warning' }]);
    expect(problems[0]?.message).toContain(message);
  });

  it('resets only what came before', () => {
    expect(merge({ a: [1] }, { a: null }, { a: [2] }).values).toEqual({ a: [2] });
    expect(merge({ a: 'x' }, { a: null }, { a: 'y' }).values).toEqual({ a: 'y' });
  });
});

describe('mergeMachineValues', () => {
  const plain = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(fc.integer(), fc.boolean(), fc.string()),
      fc.array(fc.string()),
      tie('map'),
    ),
    map: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'constructor', 'toString'), tie('value')),
  })).map as fc.Arbitrary<Values>;

  it('of one document is that document, and so is merging with nothing', () => {
    fc.assert(
      fc.property(plain, (values) => {
        expect(merge(values)).toEqual({ values, problems: [] });
        expect(merge({}, values, {})).toEqual({ values, problems: [] });
      }),
    );
  });

  it('with itself changes nothing where no list holds maps', () => {
    fc.assert(
      fc.property(plain, (values) => {
        expect(merge(values, values)).toEqual({ values, problems: [] });
      }),
    );
  });

  it('gives the same in one go as in two', () => {
    fc.assert(
      fc.property(plain, plain, plain, (a, b, c) => {
        expect(merge(a, b, c).values).toEqual(merge(merge(a, b).values, c).values);
      }),
    );
  });

  it('keeps every key, and of scalars of one type the last', () => {
    fc.assert(
      fc.property(fc.array(fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer())), (all) => {
        expect(merge(...all).values).toEqual(Object.assign({}, ...all));
      }),
    );
  });

  it('never changes what it is given', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        const before = JSON.stringify([a, b]);
        merge(a, b);
        expect(JSON.stringify([a, b])).toBe(before);
      }),
    );
  });
});
