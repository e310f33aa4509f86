import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgentError } from '../error.ts';
import { runQuery } from './run-query.ts';

const CONFIG = {
  install: { device: '/dev/sda', auto: true, 'grub-entry-name': 'x', size: 3 },
  users: [
    { name: 'ann', groups: ['admin'] },
    { name: 'bob', groups: [] },
  ],
  p2p: null,
};

// Results were compared with those of jq 1.6, but for keys with dashes and the first dot.
const ROWS: [string, unknown[]][] = [
  ['.', [CONFIG]],
  ['.install.device', ['/dev/sda']],
  ['install.device', ['/dev/sda']],
  ['.install["device"]', ['/dev/sda']],
  ['."install".device', ['/dev/sda']],
  ['.install.grub-entry-name', ['x']],
  ['.users[0].name', ['ann']],
  ['users[-1].name', ['bob']],
  ['.users[].name', ['ann', 'bob']],
  ['.users | length', [2]],
  ['.users[0:1] | length', [1]],
  ['.missing', [null]],
  ['.missing.deeper', [null]],
  ['.missing // "d"', ['d']],
  ['.p2p // .install.size // 9', [3]],
  ['.users[] | select(.name == "bob") | .name', ['bob']],
  ['[.users[] | .name]', [['ann', 'bob']]],
  ['.users | map(.name) | join(",")', ['ann,bob']],
  ['.install | keys', [['auto', 'device', 'grub-entry-name', 'size']]],
  ['.install | has("auto"), has("none")', [true, false]],
  ['{device: .install.device, n: (.users | length)}', [{ device: '/dev/sda', n: 2 }]],
  ['.install | {device, size}', [{ device: '/dev/sda', size: 3 }]],
  ['{(.users[].name): 1}', [{ ann: 1 }, { bob: 1 }]],
  ['.install.size > 2 and .install.auto', [true]],
  ['.install.size < 2 or false', [false]],
  ['.install.device?, .users.name?', ['/dev/sda']],
  ['.install.auto | not', [false]],
  ['[.. | select(type == "number")]', [[3]]],
  ['.users | map(select(.groups | contains(["admin"])).name)', [['ann']]],
  ['[3, 1, 2, 1] | sort, unique, add', [[1, 1, 2, 3], [1, 2, 3], 7]],
  ['.install.device | test("^/dev"), startswith("/dev"), endswith("b")', [true, true, false]],
  ['.users | first.name, last.name', ['ann', 'bob']],
  ['.install | to_entries | map(.key) | length', [4]],
  ['.install.size | tostring', ['3']],
  ['empty', []],
  ['null, true, -1.5, "t"', [null, true, -1.5, 't']],
  ['[]', [[]]],
];

describe('a query gives what jq gives', () => {
  it.each(ROWS)('%s', (query, results) => expect(runQuery(query, CONFIG)).toEqual(results));
});

describe('a query that cannot be answered says why', () => {
  it.each([
    ['.users.name', 'the key "name" was asked of array'],
    ['.install[0]', 'an index of type number was asked of object'],
    ['.install.device[]', 'items were asked of string'],
    ['.a |', 'something is missing'],
    ['.a ]', 'unexpected ]'],
    ['.users | group_by(.name)', 'group_by is not supported'],
    ['.users | reduce .[] as $x (0; .)', 'reduce is not supported'],
    ['.a + 1', 'unexpected +'],
    ['"\\(.a)"', 'interpolation'],
    ['has', 'has takes 1 arguments'],
    ['.install.device | test("(")', 'RE2'],
    ['#', 'unexpected "#"'],
    [`${'('.repeat(100)}.${')'.repeat(100)}`, 'nested too deeply'],
  ])('%s', (query, words) => {
    expect(() => runQuery(query, CONFIG)).toThrow(expect.objectContaining({ code: 'QUERY_INVALID' }));
    expect(() => runQuery(query, CONFIG)).toThrow(words);
  });
  it('does not see the prototype of objects', () =>
    expect(runQuery('.constructor, .__proto__', {})).toEqual([null, null]));
  it('whatever the query is, it ends with results or with AgentError', () => {
    const words = fc.constantFrom(
      '.',
      '[',
      ']',
      '(',
      ')',
      '|',
      ',',
      '.a',
      'users',
      '//',
      '"s"',
      '1',
      '==',
      '{',
      '}',
      ':',
      'map',
      '?',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string({ maxLength: 3 })), { maxLength: 12 }), (parts) => {
        try {
          runQuery(parts.join(''), CONFIG);
        } catch (error) {
          expect(error).toBeInstanceOf(AgentError);
        }
      }),
    );
  });
});
