import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeHost } from '@bowline/host';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type AgentSource, agentSource } from './agent-source.ts';
import { bundleAgent, bundleDigest } from './bundle-agent.ts';

const FILES = {
  'package-lock.json': '{}',
  'app/main.ts': `import { greet } from './words.ts';
export interface Unused { a: string }
const at: string = 'start';
process.stdout.write(greet(at));
if (process.argv[2] === 'more') void import('./more.ts').then(({ more }) => more());
`,
  'app/words.ts': "export { greet } from './greet.ts';\nexport { unused } from './unused.ts';\n",
  'app/unused.ts': 'export const unused = 1;\n',
  'app/greet.ts': 'export const greet = (word: string): string => `hello ${word}`;\n',
  'app/more.ts': "import { sep } from 'node:path';\nexport const more = (): void => void process.stdout.write(sep);\n",
};

let folder = '';
let source: AgentSource;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bowline-bundle-'));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  source = agentSource(folder, 'app/main.ts');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the bundle of the agent', () => {
  it('is one CommonJS file that needs nothing but what Node brings', async () => {
    const { code, inputs } = await bundleAgent(source);
    const required = [...code.matchAll(/require\(\\?[`"']([^`"'\\]+)/g)].map(([, name]) => name);
    expect(required.filter((name) => !name?.startsWith('./'))).toEqual(['node:path']);
    expect(code).not.toMatch(/\bimport\b|sourceMappingURL/);
    const names = ['greet', 'main', 'more', 'unused', 'words'].map((name) => `app/${name}.ts`);
    expect(inputs).toEqual([...names, 'package-lock.json']);
  });

  it('runs from that one file, and loads the rest when it is asked for', async () => {
    const path = join(folder, 'alone/agent.cjs');
    await mkdir(dirname(path));
    await writeFile(path, (await bundleAgent(source)).code);
    const run = async (...args: string[]) => {
      const argv: [string, ...string[]] = [process.execPath, path, ...args];
      return Buffer.from((await nodeHost().processes.run({ argv, timeoutMs: 20_000 })).stdout).toString();
    };
    expect(await run()).toBe('hello start');
    expect(await run('more')).toBe('hello start/');
  });

  it('carries the text files that its modules name, and is another one when such a file changes', async () => {
    const page = join(folder, 'app/page.html');
    await writeFile(page, '<p class="a">${b} `c` \\d</p>\n');
    await writeFile(
      join(folder, 'app/more.ts'),
      `import { embeddedText } from './embedded-text.ts';
export const more = (): void => void process.stdout.write(embeddedText(import.meta.dirname, 'page.html'));
`,
    );
    await writeFile(
      join(folder, 'app/embedded-text.ts'),
      `import { readFileSync } from 'node:fs';
export const embeddedText = (folder: string, name: string): string => readFileSync(folder + '/' + name, 'utf8');
`,
    );
    const record = join(folder, 'cache/bundle.json');
    const first = await bundleDigest(source, record);
    const { code, inputs } = await bundleAgent(source);
    expect(inputs).toContain('app/page.html');
    const path = join(folder, 'agent.cjs');
    await writeFile(path, code);
    await rm(page);
    const { stdout } = await nodeHost().processes.run({ argv: [process.execPath, path, 'more'], timeoutMs: 20_000 });
    expect(Buffer.from(stdout).toString()).toBe('hello start<p class="a">${b} `c` \\d</p>\n');
    await writeFile(page, 'other');
    expect(await bundleDigest(source, record)).not.toBe(first);
  });

  it('is not made with a text file that is named in another way: no machine would have it', async () => {
    const more =
      "import { embeddedText } from './embedded-text.ts';\nexport const more = () => embeddedText('app', 'a.css');\n";
    await writeFile(join(folder, 'app/more.ts'), more);
    await writeFile(
      join(folder, 'app/embedded-text.ts'),
      'export function embeddedText(folder: string, name: string): string {\n  return folder + name;\n}\n',
    );
    await expect(bundleAgent(source)).rejects.toThrow(/more\.ts: a call of embeddedText/);
  });

  it('has the same bytes wherever the sources lie', async () => {
    const other = join(folder, 'a deeper/place');
    for (const name of ['app', 'package-lock.json'])
      await cp(join(folder, name), join(other, name), { recursive: true });
    const { code } = await bundleAgent(source);
    expect((await bundleAgent(agentSource(other, 'app/main.ts'))).code).toBe(code);
    expect(code).not.toContain(folder);
  });

  it('is not made again for its digest while no input changed', async () => {
    const record = join(folder, 'cache/bundle.json');
    const first = await bundleDigest(source, record);
    const remembered = await readFile(record, 'utf8');
    await writeFile(record, remembered.replace(first, `sha256:${'0'.repeat(64)}`));
    expect(await bundleDigest(source, record)).toBe(`sha256:${'0'.repeat(64)}`);
    await writeFile(join(folder, 'app/greet.ts'), 'export const greet = (word: string): string => `bye ${word}`;\n');
    expect(await bundleDigest(source, record)).not.toBe(first);
  });

  it.each([
    ['a damaged record', () => writeFile(join(folder, 'cache/bundle.json'), '{"inputs":')],
    ['an input that is gone', () => rm(join(folder, 'app/greet.ts'))],
  ])('is made again after %s', async (_what, harm) => {
    const record = join(folder, 'cache/bundle.json');
    const first = await bundleDigest(source, record);
    await harm();
    await writeFile(join(folder, 'app/greet.ts'), FILES['app/greet.ts']);
    expect(await bundleDigest(source, record)).toBe(first);
  });
});
