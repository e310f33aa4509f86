import { describe, expect, it } from 'vitest';
import { toValue } from './located.ts';
import { parseYaml, YAML_LIMITS } from './parse.ts';

const parse = (text: string) => {
  const { node, problems } = parseYaml({ path: 'a.yaml', text });
  return {
    value: node && toValue(node),
    problems,
    messages: problems.map((p) => `${p.line}:${p.column} ${p.message}`),
  };
};

describe('parseYaml', () => {
  it('gives every value its place', () => {
    const { node } = parseYaml({ path: 'a.yaml', text: 'a: 1\nb:\n  - x\n  - y: [z]\n' });
    expect(node).toMatchObject({
      entries: [
        { key: 'a', keyAt: { file: 'a.yaml', line: 1, column: 1 }, value: { value: 1, at: { line: 1, column: 4 } } },
        {
          key: 'b',
          value: {
            items: [
              { value: 'x', at: { line: 3, column: 5 } },
              { entries: [{ key: 'y', value: { items: [{ at: { line: 4, column: 9 } }] } }] },
            ],
          },
        },
      ],
    });
  });

  it('reads a byte order mark and Windows line ends, and counts lines the same', () => {
    const { node, problems } = parseYaml({ path: 'a', text: '\ufeffa: 1\r\nb: 2\r\n' });
    expect(problems).toEqual([]);
    expect(node && toValue(node)).toEqual({ a: 1, b: 2 });
    expect(node).toMatchObject({ entries: [{ keyAt: { line: 1 } }, { keyAt: { line: 2, column: 1 } }] });
  });

  it('speaks YAML 1.2: yes, no and 0644 are what they look like', () => {
    expect(parse('a: yes\nb: 0644\nc: 12:30').value).toEqual({ a: 'yes', b: 644, c: '12:30' });
  });

  it.each([
    ['tab', 'a:\n\tb: 1\n', '2:1 a tab is used for indentation; YAML needs spaces'],
    ['NUL byte', 'a: b\nc: d\0e', '2:5 holds a NUL byte, which text never does'],
    ['control character', 'a: \x1b[0m', '1:4 holds the control character U+001B'],
    ['lone surrogate', 'a: \ud800', '1:4 holds the control character U+D800'],
    [
      'bytes that were not UTF-8',
      'a: \ufffd',
      '1:4 the file is not UTF-8 text (or holds U+FFFD, the mark of a decoding error)',
    ],
    ['duplicate key', 'a: 1\nb: 2\na: 3', '3:1 "a" is given twice, first in line 1'],
    ['duplicate nested key', 'x: {a: 1, a: 3}', '1:11 "a" is given twice, first in line 1'],
    ['tag', 'a: !!binary aGk=', '1:13 YAML tags (a word after !) are not allowed here'],
    ['unknown tag', 'a: !ruby/object x', '1:17 YAML tags (a word after !) are not allowed here'],
    ['second document', 'a: 1\n---\nb: 2', '2:1 a file holds one document; remove everything from the second "---" on'],
    ['map as key', '? {a: b}\n: c', '1:3 a key must be a plain word'],
    ['prototype key', '__proto__: {a: 1}', '1:1 "__proto__" cannot be used as a key'],
    ['old YAML', '%YAML 1.1\n---\na: yes', '1:1 only YAML 1.2 is understood; remove the %YAML line'],
    ['alias without anchor', 'a: *b', '1:4 there is no anchor &b before'],
    ['alias in itself', 'a: &b [*b]', '1:8 the alias *b holds itself'],
    ['infinite number', 'a: .inf', '1:4 is not a value that this document can hold'],
  ])('refuses: %s', (_name, text, message) => {
    expect(parse(text).messages).toContain(message);
  });

  it('lets anchors be used within bounds', () => {
    expect(parse('a: &x [1, 2]\nb: *x').value).toEqual({ a: [1, 2], b: [1, 2] });
  });

  it('stops at a billion laughs', () => {
    const lines = ['l0: &l0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i <= 9; i++)
      lines.push(`l${i}: &l${i} [${Array.from({ length: 10 }, () => `*l${i - 1}`).join(', ')}]`);
    const { problems, messages } = parse(lines.join('\n'));
    expect(problems).toHaveLength(1);
    expect(messages[0]).toContain(`more than ${YAML_LIMITS.values} values`);
  });

  it('refuses a document above 1 MiB, counted in bytes of UTF-8', () => {
    expect(parse(`a: ${'x'.repeat(2 ** 20 - 3)}`).problems).toEqual([]);
    expect(parse(`a: ${'x'.repeat(2 ** 20)}`).messages[0]).toContain('larger than 1 MiB');
    expect(parse(`a: ${'é'.repeat(2 ** 19)}`).messages[0]).toContain('larger than 1 MiB');
  });

  it.each([
    ['deep lists', '['.repeat(100_000)],
    ['deep maps', '{a: '.repeat(50_000)],
    ['deep dashes', '- '.repeat(100_000)],
  ])('refuses without crashing: %s', (_name, text) => {
    expect(parse(text).messages.join('\n')).toMatch(/nested/);
  });

  it('finds duplicates among a megabyte of keys in seconds', () => {
    const text = Array.from({ length: 45_000 }, (_, i) => `key${i}: 1`).join('\n');
    const { messages } = parse(`${text}\nkey0: 2`);
    expect(messages).toEqual(['45001:1 "key0" is given twice, first in line 1']);
  });

  it('never repeats the text of the document in a syntax message', () => {
    for (const text of [
      'a: "hunter2" hunter2',
      'a: {b: hunter2',
      'a: hunter2: hunter2',
      'hunter2\nb: 1',
      'a: "\\qhunter2"',
      'a: @hunter2',
    ]) {
      const { problems } = parse(text);
      expect(problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(problems)).not.toContain('hunter2');
    }
  });
});
