import { dirname, join } from 'node:path/posix';

/** A source tree: path from the root of the checkout to text. */
export type SourceTree = ReadonlyMap<string, string>;

const MAX_LINES = 400;
const BANNED_NAMES = /^(?:utils?|helpers?|common|misc|managers?)$/;
const FILE_NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|testdata|config))?\.tsx?$/;
const FOLDER_NAME = /^[a-z0-9]+(?:[-.][a-z0-9]+)*$/;
const SOURCE_ROOTS = /^(?:apps|packages|tests|bench|scripts)\//;
const IMPORT =
  /(?:^|[;\n])\s*(?:import|export)\s(?:[^'";]*?\sfrom\s*)?['"]([^'"\n]+)['"]|\bimport\s*\(\s*['"]([^'"\n]+)['"]/g;

interface Unit {
  folder: string;
  mayImport: ReadonlySet<string>;
  isPure: boolean;
}

/** Reads the table "unit | may import | pure" of ARCHITECTURE.md. */
export function parseUnits(architecture: string): Unit[] {
  return [...architecture.matchAll(/^\| ((?:packages|apps)\/[a-z-]+) \| ([^|]*) \| (yes|no) \|$/gm)].map(
    ([, folder = '', imports = '', pure]) => ({
      folder,
      mayImport: new Set(imports.split(',').map((name) => name.trim())),
      isPure: pure === 'yes',
    }),
  );
}

/** Every violation of the rules of ARCHITECTURE.md, one sentence each; none means the tree is sound. */
export function findViolations(tree: SourceTree): string[] {
  const units = parseUnits(tree.get('ARCHITECTURE.md') ?? '');
  const sources = [...tree].filter(([path]) => /\.tsx?$/.test(path) && SOURCE_ROOTS.test(path));
  return [
    ...registration(tree, units),
    ...units.flatMap((unit) => declaredDependencies(tree, unit)),
    ...sources.flatMap(([path, text]) => [
      ...names(path),
      ...content(path, text, unitOf(path, units)),
      ...imports(path, text, unitOf(path, units)),
    ]),
    ...cycles(new Map(sources)),
  ];
}

function unitOf(path: string, units: readonly Unit[]): Unit | undefined {
  return units.find((unit) => path.startsWith(`${unit.folder}/`));
}

function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || !/^(?:apps|packages)\//.test(path);
}

function registration(tree: SourceTree, units: readonly Unit[]): string[] {
  const known = new Set(units.map((unit) => unit.folder));
  const present = new Set(
    [...tree.keys()].flatMap((path) => /^((?:packages|apps)\/[^/]+)\/package\.json$/.exec(path)?.[1] ?? []),
  );
  return [
    ...(units.length === 0 ? ['ARCHITECTURE.md has no table of units'] : []),
    ...[...present]
      .filter((folder) => !known.has(folder))
      .map((folder) => `${folder} is not in ARCHITECTURE.md's table`),
    ...[...known].filter((folder) => !present.has(folder)).map((folder) => `${folder} has no package.json`),
  ];
}

function declaredDependencies(tree: SourceTree, unit: Unit): string[] {
  const path = `${unit.folder}/package.json`;
  const manifest = JSON.parse(tree.get(path) ?? '{}') as Record<string, Record<string, string> | undefined>;
  const declared = Object.keys({ ...manifest['dependencies'], ...manifest['devDependencies'] });
  return declared.flatMap((name) => forbidden(name, unit).map((why) => `${path}: ${why}`));
}

function forbidden(specifier: string, unit: Unit): string[] {
  const match = /^@bowline\/([^/]+)(\/.*)?$/.exec(specifier);
  if (match === null) return [];
  const [, name = '', inside] = match;
  return [
    ...(unit.mayImport.has(name) ? [] : [`${unit.folder} may not import ${name}`]),
    ...(inside === undefined ? [] : [`${specifier} reaches inside a package: import what its index exports`]),
  ];
}

function names(path: string): string[] {
  const segments = path.split('/');
  const file = segments.at(-1) ?? '';
  const banned = segments.map((segment) => segment.replace(/\..*$/, '')).filter((stem) => BANNED_NAMES.test(stem));
  return [
    ...banned.map((stem) => `${path}: "${stem}" says nothing; name it for what it does`),
    ...(FILE_NAME.test(file) ? [] : [`${path}: file names are kebab-case`]),
    ...segments.slice(0, -1).flatMap((name) => (FOLDER_NAME.test(name) ? [] : [`${path}: folders are kebab-case`])),
    ...(file === 'index.ts' && !/^(?:packages|apps)\/[^/]+\/src\/index\.ts$/.test(path)
      ? [`${path}: index.ts belongs to package roots only`]
      : []),
  ];
}

function content(path: string, text: string, unit: Unit | undefined): string[] {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  const code = text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '');
  return [
    ...(lines > MAX_LINES ? [`${path}: ${lines} lines; ${MAX_LINES} are allowed`] : []),
    ...(/\bprocess\.exit\(/.test(code) && !isTest(path) && !path.endsWith('/main.ts')
      ? [`${path}: process.exit belongs to main.ts; throw instead`]
      : []),
    ...(unit?.isPure && !isTest(path) && /\b(?:Buffer\.|process\.(?:env|cwd|stdout|stderr))/.test(code)
      ? [`${path}: ${unit.folder} is pure: no Buffer, no process`]
      : []),
  ];
}

/** What a file imports, as written. */
function specifiersOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].flatMap(([, fixed, dynamic]) => fixed ?? dynamic ?? []);
}

function imports(path: string, text: string, unit: Unit | undefined): string[] {
  return specifiersOf(text).flatMap((specifier) => {
    const found: string[] = [];
    if (/^(?:node:)?child_process$/.test(specifier) && !path.startsWith('packages/host/')) {
      found.push(`${path}: node:child_process is for packages/host only; take Processes from @bowline/host`);
    }
    if (unit === undefined) return found;
    if (unit.isPure && specifier.startsWith('node:') && !isTest(path)) {
      found.push(`${path}: ${unit.folder} is pure: it may not import ${specifier}`);
    }
    if (specifier.startsWith('.') && !join(dirname(path), specifier).startsWith(`${unit.folder}/`)) {
      found.push(`${path}: ${specifier} leaves ${unit.folder}`);
    }
    return [...found, ...forbidden(specifier, unit).map((why) => `${path}: ${why}`)];
  });
}

function cycles(sources: SourceTree): string[] {
  const edges = (path: string): string[] =>
    specifiersOf(sources.get(path) ?? '')
      .filter((specifier) => specifier.startsWith('.'))
      .map((specifier) => join(dirname(path), specifier))
      .filter((target) => sources.has(target));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      found.push(`import cycle: ${[...trail.slice(start), path].join(' -> ')}`);
      return;
    }
    if (done.has(path)) return;
    for (const target of edges(path)) visit(target, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return found;
}
