import { link, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Arch } from '@bowline/spec';
import { exists } from './base-tar.ts';
import { measure, type Sample } from './measure.ts';

const BOWLINE = fileURLToPath(new URL('../bowline', import.meta.url));

/** What the bowl of a run says; its name never changes, so that a second run meets the first one's results. */
export interface BenchBowl {
  arch: Arch;
  base: string;
  outputs: readonly string[];
  cloudConfig?: string;
  kernelArguments?: readonly string[];
}

/** A bowl with a cache and results of its own, below one folder: nothing of the user's is touched. */
export class Workspace {
  readonly folder: string;
  readonly cache: string;

  constructor(folder: string) {
    this.folder = folder;
    this.cache = join(folder, 'cache');
  }

  /** Takes over the user's toolbox and initrd packages by hard links, so that they need not be fetched again. */
  async seed(from: string): Promise<void> {
    for (const part of ['toolbox', 'initrd', 'store']) {
      if (!(await exists(join(this.cache, part)))) await linkTree(join(from, part), join(this.cache, part));
    }
  }

  /**
   * Forgets results: everything made from a base, the base in the store, lock and images. What stays is the toolbox, the
   * initrd's packages and, unless said otherwise, the packed initrd of a kernel.
   */
  async chill(options: { initrd: boolean } = { initrd: false }): Promise<void> {
    const doomed = ['derived', 'scratch', 'locks', 'file-digests.json', 'store/seen'].map((name) =>
      join(this.cache, name),
    );
    for (const name of await namesIn(join(this.cache, 'store/layers'))) {
      doomed.push(join(this.cache, 'store/layers', name), this.#blob(name.slice(0, 64)));
    }
    if (options.initrd) {
      const archives = (await namesIn(join(this.cache, 'initrd'))).filter((name) => /^[0-9a-f]{64}$/.test(name));
      doomed.push(...archives.map((name) => join(this.cache, 'initrd', name)));
    }
    doomed.push(join(this.folder, 'bowl'), join(this.folder, 'out'));
    for (const path of doomed) await rm(path, { recursive: true, force: true });
  }

  /** Writes the bowl and builds it, as a user would. */
  async build(bowl: BenchBowl): Promise<Sample> {
    const folder = join(this.folder, 'bowl');
    await mkdir(folder, { recursive: true });
    const base = join(folder, 'base.tar');
    if (!(await exists(base))) await link(bowl.base, base);
    await writeFile(join(folder, 'bowl.yaml'), bowlText(bowl));
    return measure({
      argv: [BOWLINE, 'build', folder, '--json', '--quiet', '--out', join(this.folder, 'out')],
      env: { BOWLINE_CACHE: this.cache },
    });
  }

  #blob(hex: string): string {
    return join(this.cache, 'store/sha256', hex.slice(0, 2), hex);
  }
}

function bowlText(bowl: BenchBowl): string {
  const lines = [
    'apiVersion: bowline/v1',
    'name: bench',
    'version: "1"',
    `arch: [${bowl.arch}]`,
    'base: { rootfs: base.tar }',
    'kernel: base',
    `outputs: [${bowl.outputs.join(', ')}]`,
  ];
  if (bowl.kernelArguments !== undefined) lines.push(`kernelArguments: ${JSON.stringify(bowl.kernelArguments)}`);
  if (bowl.cloudConfig !== undefined) lines.push(`cloudConfig: { inline: ${JSON.stringify(bowl.cloudConfig)} }`);
  return `${lines.join('\n')}\n`;
}

/** Hard links of every file; locks belong to who holds them. */
async function linkTree(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true }).catch(() => [])) {
    if (entry.name === 'lock' || entry.name.endsWith('.lock') || entry.name.includes('scratch')) continue;
    await mkdir(to, { recursive: true });
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else await link(source, target);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
