import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestMachine, type TestMachine } from '../machine/test-machine.testdata.ts';
import { runStage } from '../stages/run-stage.ts';
import { type Collected, collectConfig } from './collect.ts';
import { describeTrouble } from './use-config.ts';

let test: TestMachine;
beforeEach(async () => {
  test = await makeTestMachine();
});
afterEach(async () => {
  await test.remove();
});

const COPIES = 'var/lib/bowline/last-good';
const GOOD = '#cloud-config\nstages:\n  boot:\n    - files: [{path: /made, content: good}]\n';

async function put(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(join(test.root, path, '..'), { recursive: true });
  await writeFile(join(test.root, path), content);
}

function collect(keep = true): Promise<Collected> {
  return collectConfig(test.machine, { folders: ['/oem'], fetch: false, keep });
}

const filesOf = ({ documents }: Collected) =>
  documents.map(({ file }) => file).filter((file) => file !== '/proc/cmdline');

const BAD: [what: string, content: string | Uint8Array, reason: RegExp][] = [
  ['garbage', '\u0001\u0002 {{{ not yaml ][', /line 1/],
  ['broken YAML', 'a: [1, 2\nb: }', /line/],
  ['a list', '#cloud-config\n- a\n- b\n', /line/],
  ['plain text', 'hello, this is no configuration', /line/],
  ['binary', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1, 2]), /is binary/],
  ['not UTF-8', new Uint8Array([0x23, 0xc3, 0x28, 0x0a]), /is not UTF-8/],
  ['UTF-16 LE', Buffer.from('\ufeff#cloud-config\n', 'utf16le'), /is UTF-16/],
  ['UTF-16 BE', Buffer.from('\ufeff#cloud-config\n', 'utf16le').swap16(), /is UTF-16/],
  ['nothing', '', /is empty/],
  ['blank lines', '\n\n  \n', /is empty/],
  ['10 MB', Buffer.alloc(10_000_000, '#'), /is too large: 10000000 bytes/],
  [
    'billion laughs',
    ['#cloud-config', 'a0: &a0 [x, x, x, x, x, x, x, x, x]']
      .concat(Array.from({ length: 9 }, (_item, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(8)}*a${i}]`))
      .join('\n'),
    /./,
  ],
];

describe('a configuration that cannot be used', () => {
  it.each(BAD)('is left out and named: %s', async (_what, content, reason) => {
    await put('/oem/a.yaml', content);
    await put('/oem/b.yaml', GOOD);
    const collected = await collect();
    expect(filesOf(collected)).toContain('/oem/b.yaml');
    expect(collected.troubles).toEqual([{ source: '/oem/a.yaml', reason: expect.stringMatching(reason) }]);
  });

  it.each(BAD)('is replaced by what was there when it was last good: %s', async (_what, content, reason) => {
    await put('/oem/a.yaml', GOOD);
    await collect();
    await put('/oem/a.yaml', content);
    for (let start = 0; start < 2; start += 1) {
      const collected = await collect();
      expect(filesOf(collected)).toEqual(['/oem/a.yaml']);
      expect(collected.documents[0]?.stages['boot']).toHaveLength(1);
      expect(collected.troubles).toMatchObject([
        { reason: expect.stringMatching(reason), lastGood: expect.any(String) },
      ]);
    }
    await put('/oem/a.yaml', GOOD.replace('good', 'better'));
    const mended = await collect();
    expect(mended.troubles).toEqual([]);
    await put('/oem/a.yaml', content);
    expect(JSON.stringify((await collect()).documents)).toContain('better');
  });

  it('is used as far as it can be read when there is no copy, and wholly replaced when there is one', async () => {
    const half = `${GOOD}users: [{name: a\nhostname: b\n`;
    await put('/oem/a.yaml', half);
    const first = await collect();
    expect(first.documents[0]?.stages['boot']).toHaveLength(1);
    expect(first.troubles).toMatchObject([{ source: '/oem/a.yaml', partly: true }]);
    await put('/oem/a.yaml', GOOD.replace('good', 'old'));
    await collect();
    await put('/oem/a.yaml', half);
    expect(JSON.stringify((await collect()).documents[0])).toContain('old');
  });

  it('is a file that cannot be read', async (ctx) => {
    if (process.geteuid?.() === 0) ctx.skip('root reads every file');
    await put('/oem/a.yaml', GOOD);
    await collect();
    await chmod(join(test.root, 'oem/a.yaml'), 0);
    const collected = await collect();
    expect(filesOf(collected)).toEqual(['/oem/a.yaml']);
    expect(collected.troubles).toMatchObject([{ reason: 'cannot be read (EACCES)' }]);
  });

  it('is a link to itself, a folder, a device, a pipe that nobody writes to', async () => {
    await put('/oem/good.yaml', GOOD);
    await symlink('loop.yaml', join(test.root, 'oem/loop.yaml'));
    await symlink('/dev/zero', join(test.root, 'oem/zero.yaml'));
    await symlink('nowhere', join(test.root, 'oem/dangling.yaml'));
    const collected = await collect();
    expect(filesOf(collected)).toEqual(['/oem/good.yaml']);
    expect(collected.troubles.map(describeTrouble)).toEqual([
      '/oem/dangling.yaml: cannot be read (ENOENT); it is left out',
      '/oem/loop.yaml: cannot be read (ELOOP); it is left out',
      '/oem/zero.yaml: is not a regular file; it is left out',
    ]);
  });

  it('is no folder that leads back to itself', async () => {
    await put('/oem/sub/good.yaml', GOOD);
    await symlink('..', join(test.root, 'oem/sub/up'));
    const collected = await collect();
    expect(filesOf(collected)).toEqual(['/oem/sub/good.yaml']);
    expect(collected.troubles).toMatchObject([{ source: '/oem/sub/up', reason: 'is a link to a folder it stands in' }]);
  });
});

describe('a configuration', () => {
  it.each<[what: string, text: string]>([
    ['with CRLF', GOOD.replaceAll('\n', '\r\n')],
    ['with a byte order mark', `\ufeff${GOOD}`],
    ['with a jinja line before its header', `## template: jinja\n${GOOD}`],
    ['without a line end', GOOD.trimEnd()],
  ])('%s is used', async (_what, text) => {
    await put('/oem/a.yaml', text);
    const collected = await collect();
    expect(collected.documents[0]?.stages['boot']).toHaveLength(1);
    expect(collected.troubles).toEqual([]);
  });

  it('that its owner removed does not come back', async () => {
    await put('/oem/a.yaml', GOOD);
    await put('/oem/b.yaml', GOOD);
    await collect();
    expect(await readdir(join(test.root, COPIES))).toHaveLength(2);
    await rm(join(test.root, 'oem/a.yaml'));
    await collect();
    expect(await readdir(join(test.root, COPIES))).toHaveLength(1);
    await put('/oem/a.yaml', '');
    expect(filesOf(await collect())).toEqual(['/oem/b.yaml']);
  });

  it('of a folder that is not mounted keeps its copy', async () => {
    await put('/oem/a.yaml', GOOD);
    await collect();
    await rm(join(test.root, 'oem/a.yaml'));
    await collect();
    expect(await readdir(join(test.root, COPIES))).toHaveLength(1);
  });

  it('is kept where only root can read it', async () => {
    await put('/oem/a.yaml', GOOD);
    await collect();
    const folder = join(test.root, COPIES);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(folder)) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
    const documents = join(test.root, 'run/bowline/documents');
    expect((await stat(documents)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(documents)) expect((await stat(join(documents, name))).mode & 0o777).toBe(0o600);
  });

  it('is read the same from what was remembered, and again when that is damaged', async () => {
    await put('/oem/a.yaml', `${GOOD}nonsense: 1\n`);
    const first = await collect();
    expect(await collect()).toEqual(first);
    const folder = join(test.root, 'run/bowline/documents');
    for (const name of await readdir(folder)) await writeFile(join(folder, name), '{"document": 1}');
    expect(await collect()).toEqual(first);
  });

  it('leaves nothing behind in a dry run', async () => {
    await put('/oem/a.yaml', GOOD);
    await collect(false);
    expect(await readdir(join(test.root, 'var')).catch(() => [])).toEqual([]);
    expect(await readdir(join(test.root, 'run')).catch(() => [])).toEqual([]);
  });

  it('whose copy is damaged is left out', async () => {
    await put('/oem/a.yaml', GOOD);
    await collect();
    for (const name of await readdir(join(test.root, COPIES))) await put(`${COPIES}/${name}`, '{');
    await put('/oem/a.yaml', '');
    expect(filesOf(await collect())).toEqual([]);
  });
});

describe('the console', () => {
  it('hears once why a last good copy is used, and the step runs', async () => {
    await put('/dev/console', '');
    await put('/oem/a.yaml', GOOD);
    await collect();
    await put('/oem/a.yaml', '');
    const lines: string[] = [];
    for (let run = 0; run < 2; run += 1) await runStage('boot', test.machine, { say: (line) => lines.push(line) });
    const console = await readFile(join(test.root, 'dev/console'), 'utf8');
    expect(console).toMatch(/^bowline: \/oem\/a.yaml: is empty; its last good copy of .{20} is used instead\n$/);
    expect(lines.filter((line) => line.includes('is empty'))).toHaveLength(1);
    expect(await readFile(join(test.root, 'made'), 'utf8')).toBe('good');
  });
});
