import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { type Digest, writeFileAtomic } from '@bowline/host';
import * as z from 'zod';
import { type AgentSource, PACKAGE_LOCK } from './agent-source.ts';
import { joinChunks } from './join-chunks.ts';

/** Files that one bundle is made of; more are not the agent. */
const MAX_MODULES = 10_000;

const Sha256 = z.templateLiteral(['sha256:', z.string().regex(/^[0-9a-f]{64}$/)]);
const BundleRecord = z.strictObject({
  /** sha256 by path relative to the checkout. */
  inputs: z.record(z.string(), Sha256),
  bundle: Sha256,
});
type BundleRecord = z.infer<typeof BundleRecord>;

/** The agent's program text, and what it was made of. */
export interface AgentBundle {
  code: string;
  digest: Digest;
  /** Paths relative to the checkout, sorted. */
  inputs: readonly string[];
}

/**
 * Puts the agent and all it imports into one CommonJS file: a single executable may load nothing but what Node brings.
 * Modules that are imported dynamically are in it too, and are compiled when they are asked for. Equal sources give equal
 * bytes wherever they lie.
 */
export async function bundleAgent(source: AgentSource): Promise<AgentBundle> {
  // Loaded here: a build that finds its agent in the cache has no use for a bundler.
  const { rolldown } = await import('rolldown');
  const ids = new Set<string>();
  // All that was read, also what nothing is taken from: it decides what a name means.
  const witness = { name: 'witness', moduleParsed: ({ id }: { id: string }) => void ids.add(id) };
  const texts = {
    name: 'texts',
    transform: (code: string, id: string) => embedTexts(code, id, (path) => ids.add(path)),
  };
  const build = await rolldown({
    input: source.entry,
    cwd: source.folder,
    platform: 'node',
    tsconfig: false,
    plugins: [witness, texts],
  });
  try {
    const { output } = await build.generate({
      format: 'cjs',
      entryFileNames: 'main.cjs',
      chunkFileNames: '[name]-[hash].cjs',
      comments: false,
      minify: true,
      sourcemap: false,
    });
    const chunks = output.map((part) => {
      if (part.type === 'chunk') return part;
      throw new Error(`the agent needs ${part.fileName}, but only its program can be carried`);
    });
    const modules = [...ids].filter((id) => id.startsWith('/')).map((id) => relative(source.folder, id));
    if (modules.length > MAX_MODULES) throw new Error(`the agent has ${modules.length} modules`);
    const code = joinChunks('main.cjs', chunks);
    return { code, digest: sha256(code), inputs: [...modules, PACKAGE_LOCK].sort() };
  } finally {
    await build.close();
  }
}

/** How a module names a text file beside it (apps/agent/src/embedded-text.ts). */
const EMBEDDED = /\bembeddedText\(\s*import\.meta\.dirname,\s*'([\w./-]+)',?\s*\)/g;
const CALL = /(?<!function )\bembeddedText\(/;

/** Puts the texts that a module names into it: a single executable has no files. Undefined where it names none. */
async function embedTexts(code: string, id: string, onInput: (path: string) => void): Promise<string | undefined> {
  const texts = new Map<string, string>();
  for (const [call, name = ''] of code.matchAll(EMBEDDED)) {
    const path = join(dirname(id), name);
    onInput(path);
    texts.set(call, JSON.stringify(await readFile(path, 'utf8')));
  }
  const embedded = code.replace(EMBEDDED, (call) => texts.get(call) ?? call);
  // It would read a file that no machine has.
  if (CALL.test(embedded)) throw new Error(`${id}: a call of embeddedText is not written as the bundler knows it`);
  return texts.size === 0 ? undefined : embedded;
}

/** Digest of the bundle; as long as no input changed, it is not made for that. `recordPath`: where the inputs are remembered. */
export async function bundleDigest(source: AgentSource, recordPath: string): Promise<Digest> {
  const known = await readRecord(recordPath);
  if (known !== undefined && (await sameInputs(source, known))) return known.bundle;
  const { digest, inputs } = await bundleAgent(source);
  const record: BundleRecord = { inputs: await digestInputs(source, inputs), bundle: digest };
  await mkdir(dirname(recordPath), { recursive: true });
  await writeFileAtomic(recordPath, `${JSON.stringify(record)}\n`);
  return digest;
}

async function sameInputs(source: AgentSource, record: BundleRecord): Promise<boolean> {
  const now = await digestInputs(source, Object.keys(record.inputs)).catch(() => undefined);
  return now !== undefined && Object.entries(record.inputs).every(([path, digest]) => now[path] === digest);
}

async function digestInputs(source: AgentSource, paths: readonly string[]): Promise<Record<string, Digest>> {
  const digest = async (path: string) => [path, sha256(await readFile(join(source.folder, path)))] as const;
  return Object.fromEntries(await Promise.all(paths.map(digest)));
}

async function readRecord(path: string): Promise<BundleRecord | undefined> {
  try {
    return BundleRecord.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function sha256(data: string | Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
