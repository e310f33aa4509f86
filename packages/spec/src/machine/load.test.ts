import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../problem.ts';
import { YAML_LIMITS } from '../yaml/parse.ts';
import { EVERY_KEY } from './every-key.testdata.ts';
import { loadMachineDocument } from './load.ts';
import { Step } from './step.ts';

const load = (text: string, strict = false) => {
  const { document, problems, incomplete } = loadMachineDocument({ path: 'a.yaml', text }, { strict });
  return { document, incomplete, messages: problems.map(formatProblem) };
};
const HEADER = '#cloud-config\n';

describe('headers', () => {
  it.each([
    ['#cloud-config', '#cloud-config\n'],
    ['#kairos-config', '#kairos-config\n'],
    ['#node-config', '#node-config\n'],
    ['a header after a template line', '## template: jinja\n#cloud-config\n'],
    ['a header after blank lines and comments', '\n\n# Made by hand\n\n#cloud-config\n'],
    ['a header in line 10', `${'# a\n'.repeat(9)}#cloud-config\n`],
    ['a header with blanks behind', '#cloud-config  \n'],
    ['a header with a comment behind', '#cloud-config of the lab\n'],
    ['a header below a byte order mark', '\ufeff#cloud-config\n'],
    ['a header with a Windows line end', '#cloud-config\r\n'],
    ['a header below keys', 'name: a\n#cloud-config\n'],
  ])('reads every key below %s', (_name, head) => {
    const { document, messages } = load(`${head}hostname: edge\n`);
    expect(messages).toEqual([]);
    expect(document?.values['hostname']).toBe('edge');
  });

  it.each([
    ['none', ''],
    ['a header in line 11', `${'# a\n'.repeat(10)}#cloud-config\n`],
    ['an indented header', '  #cloud-config\n'],
    ['another word', '#cloud-configuration\n'],
  ])('reads name and stages only below %s, and says so', (_name, head) => {
    const { document, messages } = load(`${head}hostname: edge\nname: base\nstages: {boot: [{commands: [a]}]}\n`);
    expect(document).toMatchObject({ name: 'base', values: { name: 'base' }, stages: { boot: [{ commands: ['a'] }] } });
    expect(document?.values).not.toHaveProperty('hostname');
    expect(messages.join()).toContain(
      '"hostname" is ignored: the file has no header; write #cloud-config into the first line',
    );
  });

  it.each(['# cloud-config', '#cloud_config', '#Cloud-Config', '##cloud-config', '#cloud-config:'])(
    'knows %s for a slip',
    (line) => {
      const { messages } = load(`${line}\nhostname: edge\n`);
      expect(messages).toEqual([
        'a.yaml:1:1  warning: this is no header, so only name and stages are read (did you mean "#cloud-config"?)',
      ]);
    },
  );

  it('needs none for what tools of images write', () => {
    expect(load('name: Base\nstages:\n  boot:\n    - commands: [a]\n').messages).toEqual([]);
  });
});

describe('the name of a document', () => {
  it('is its key name, else its file', () => {
    expect(load(`${HEADER}name: base\n`).document?.name).toBe('base');
    expect(load(`${HEADER}debug: true\n`).document?.name).toBe('a.yaml');
    expect(load(`${HEADER}name:\ndebug: true\n`).document?.name).toBe('a.yaml');
  });
});

describe('texts that are refused', () => {
  it.each([
    ['garbage', '%%% {{{ ]]]', 'something is missing here'],
    ['garbage that looks like keys', 'what: is: this\n', ''],
    ['a list', `${HEADER}- a\n- b\n`, 'a configuration is a map of keys, not a list'],
    ['plain text', 'hello world\n', 'a configuration is a map of keys, not plain text'],
    ['a binary file', '\x7fELF\x02\x01\x01\0\0\0', 'holds NUL bytes'],
    ['a NUL in a good file', `${HEADER}hostname: a\0b\n`, 'holds NUL bytes'],
    ['UTF-16 with a mark', '\ufffd\ufffd#\0c\0l\0o\0u\0d\0', 'is UTF-16; save it as UTF-8'],
    ['UTF-16 without a mark', '#\0c\0l\0o\0u\0d\0', 'is UTF-16; save it as UTF-8'],
    ['UTF-16, the other end first', '\0#\0c\0l\0o\0u\0d', 'is UTF-16; save it as UTF-8'],
    ['more than 1 MiB', `${HEADER}hostname: ${'x'.repeat(2 ** 20)}\n`, 'larger than 1 MiB'],
    ['10 MB', `${HEADER}${'# comment\n'.repeat(10 ** 6)}`, 'larger than 1 MiB'],
    [
      'too many values',
      `${HEADER}runcmd: [${'a,'.repeat(YAML_LIMITS.values)}]\n`,
      `more than ${YAML_LIMITS.values} values`,
    ],
    ['too deep', `${HEADER}install: ${'['.repeat(60)}${']'.repeat(60)}\n`, 'levels deep'],
  ])('%s', (_name, text, message) => {
    const { document, messages, incomplete } = load(text);
    expect(document).toBeUndefined();
    expect(incomplete).toBe(true);
    expect(messages.join('\n')).toContain(message);
    expect(messages.join('\n')).not.toContain('warning:');
  });

  it('a billion laughs', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 10; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    expect(load(HEADER + lines.join('\n')).document).toBeUndefined();
  });

  it('a billion laughs by merge keys', () => {
    const lines = ['a0: &a0 {k0: x}'];
    for (let i = 1; i < 30; i++) lines.push(`a${i}: &a${i} {x: {<<: *a${i - 1}}, y: {<<: *a${i - 1}}}`);
    expect(load(HEADER + lines.join('\n')).document).toBeUndefined();
  });
});

describe('texts that are read with a warning', () => {
  it.each([
    ['nothing', '', 'a.yaml:1:1  warning: the file holds no configuration'],
    ['blanks and comments', '# nothing\n\n', 'a.yaml:1:1  warning: the file holds no configuration'],
    ['a header and nothing else', HEADER, 'a.yaml:1:1  warning: the file holds no configuration'],
  ])('%s', (_name, text, message) => {
    const { document, messages } = load(text);
    expect(document).toMatchObject({ values: {}, stages: {} });
    expect(messages).toEqual([message]);
  });

  it('an object of Kubernetes', () => {
    const { document, messages } = load('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n');
    expect(document).toMatchObject({ values: {}, stages: {} });
    expect(messages).toEqual([
      'a.yaml:1:1  warning: this looks like a Kubernetes object, not like a configuration of a machine',
    ]);
  });

  it('several documents: the first is read', () => {
    const { document, messages } = load(`${HEADER}hostname: a\n---\nhostname: b\n`);
    expect(document?.values).toEqual({ hostname: 'a' });
    expect(messages).toEqual([
      'a.yaml:3:1  warning: only the first document of the file is read; what follows this "---" is left out',
    ]);
  });

  it('a key twice: the first is read', () => {
    const { document, messages, incomplete } = load(`${HEADER}hostname: a\nhostname: b\n`);
    expect([document?.values, incomplete]).toEqual([{ hostname: 'a' }, true]);
    expect(messages).toEqual(['a.yaml:3:1  warning: "hostname" is given twice, first in line 2']);
  });

  it('tabs in one block: the other blocks are read', () => {
    const { document, messages, incomplete } = load(
      `${HEADER}hostname: a\nstages:\n\tboot:\n\t- commands: [x]\nruncmd: [b]\n`,
    );
    expect(document?.values).toEqual({ hostname: 'a', runcmd: ['b'] });
    expect(document?.stages).toEqual({
      initramfs: [{ name: 'hostname', hostname: 'a' }],
      boot: [{ name: 'runcmd', commands: ['b'] }],
    });
    expect(incomplete).toBe(true);
    expect(messages).toEqual([
      'a.yaml:4:1  warning: the block stages cannot be read and is left out: a tab is used for indentation; YAML needs spaces',
    ]);
  });

  it('a quote that is not closed: what stands before is read, in its place', () => {
    const { document, messages } = load(`${HEADER}runkmd: [x]\nhostname: a\nstages:\n  boot:\n    - name: "x\n`);
    expect(document?.values).toEqual({ hostname: 'a' });
    expect(messages[0]).toContain('a.yaml:2:1  warning: unknown key "runkmd"');
    expect(messages[1]).toContain('a.yaml:7:1  warning: the block stages cannot be read');
  });

  it('text around it, as of a shell script', () => {
    const { document, messages } = load(`cat <<EOF\n${HEADER}hostname: a\nusers:\n- name: ada\nEOF\n`);
    expect(document?.values).toEqual({ hostname: 'a', users: [{ name: 'ada' }] });
    expect(messages).toHaveLength(2);
  });

  it('one bad document leaves no trace in the next', () => {
    load('%%% {{{');
    expect(load(`${HEADER}hostname: a\n`).messages).toEqual([]);
  });
});

describe('what YAML has and a bowl has not', () => {
  it('CRLF, anchors, aliases and merge keys are no matter', () => {
    const text = [
      '#cloud-config',
      'stages:',
      '  boot:',
      '  - &base',
      '    name: one',
      '    commands: [a]',
      '  network:',
      '  - <<: *base',
      '    name: two',
      '  - *base',
    ].join('\r\n');
    const { document, messages } = load(text);
    expect(messages).toEqual([]);
    expect(document?.stages).toEqual({
      boot: [{ name: 'one', commands: ['a'] }],
      network: [
        { name: 'two', commands: ['a'] },
        { name: 'one', commands: ['a'] },
      ],
    });
  });

  it('of several maps that are taken over, the first wins; the own keys win over all', () => {
    const text = `${HEADER}stages:\n  a: [&a {name: a, if: a}, &b {name: b, if: b, node: b}]\n  boot: [{<<: [*a, *b], name: c}]\n`;
    expect(load(text).document?.stages['boot']).toEqual([{ name: 'c', if: 'a', node: 'b' }]);
  });

  it('a merge key of something else is left out', () => {
    const { document, messages } = load(`${HEADER}hostname: a\n<<: 5\n`);
    expect(document?.values).toEqual({ hostname: 'a' });
    expect(messages).toEqual(['a.yaml:3:1  warning: "<<" takes over maps only']);
  });
});

describe('strict', () => {
  it('makes every warning an error, and the text unusable', () => {
    const { document, messages } = load(`${HEADER}runkmd: [x]\n`, true);
    expect(document).toBeUndefined();
    expect(messages).toEqual(['a.yaml:2:1  unknown key "runkmd"; it has no effect (did you mean "runcmd"?)']);
  });

  it('changes nothing about a good document', () => {
    expect(load(`${HEADER}hostname: a\n`, true)).toEqual(load(`${HEADER}hostname: a\n`));
  });
});

describe('many problems', () => {
  it('are counted, in the order of the file, in little time', () => {
    const keys = Array.from({ length: 5000 }, (_, i) => `kye${i}: 1`).join('\n');
    const { document, messages } = load(HEADER + keys);
    expect(document).toBeDefined();
    expect(messages).toHaveLength(200);
    expect(messages[0]).toContain('a.yaml:2:1');
    expect(messages.at(-1)).toContain('and 4801 more problems');
  });
});

describe('hostile texts', () => {
  it('never make it throw, and what it gives is good or refused', () => {
    const lines = EVERY_KEY.split('\n');
    const edit = fc.record({
      at: fc.nat(lines.length - 1),
      column: fc.nat(200),
      with: fc.constantFrom(
        '',
        ':',
        '\t',
        '- ',
        '[',
        '}',
        '"',
        "'",
        '&a',
        '*a',
        '<<: *a',
        '\n',
        '#',
        '!!x ',
        '%',
        'null',
        '0',
        '\u0007',
        '|',
      ),
    });
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 5 }), (edits) => {
        const changed = [...lines];
        for (const { at, column, with: text } of edits) {
          const line = changed[at] ?? '';
          changed[at] = line.slice(0, column) + text + line.slice(column + 1);
        }
        const { document, problems } = loadMachineDocument({ path: 'a', text: changed.join('\n') });
        if (!document) expect(problems.some((problem) => problem.severity === 'error')).toBe(true);
        else expect(problems.every((problem) => problem.severity === 'warning')).toBe(true);
        for (const step of Object.values(document?.stages ?? {}).flat()) {
          expect(Step.safeParse(step).error).toBeUndefined();
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('take %s for a name like any other', (name) => {
    const text = `${HEADER}users: [{name: ${name}, ssh_authorized_keys: [a, "github:b"]}]\nstages: {boot: [{users: {x${name}: {}}}]}\n`;
    const { document } = load(text);
    const [step] = document?.stages['initramfs'] ?? [];
    expect(Object.entries(step?.authorized_keys ?? {})).toEqual([[name, ['a']]]);
    expect(Object.keys(step?.users ?? {})).toEqual([name]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('are read in little time: keys, stages and blocks without end', () => {
    const started = performance.now();
    const many = (line: (i: number) => string) => Array.from({ length: 20_000 }, (_, i) => line(i)).join('\n');
    load(HEADER + many((i) => `kye${i}: 1`));
    load(`${HEADER}stages:\n${many((i) => `  boots${i}: []`)}`);
    load(`${HEADER}"\n${many((i) => `runcmd${i}: [a]`)}`);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('that are broken and full of aliases stop at the same limit', () => {
    const block = (i: number) =>
      `a${i}: {b: &b [${'x,'.repeat(100)}], c: &c [${'*b,'.repeat(50)}], d: [${'*c,'.repeat(9)}]}`;
    const { messages } = load(`${HEADER}broken: "\n${Array.from({ length: 150 }, (_, i) => block(i)).join('\n')}`);
    expect(messages.join('\n')).toContain('more than');
  });
});
