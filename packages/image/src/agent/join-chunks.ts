/** A part of the bundle, as the bundler gives it. */
export interface Chunk {
  fileName: string;
  code: string;
}

/**
 * Puts CommonJS chunks into one file that runs `entry`. The chunks stand in it as texts and are compiled when they are first
 * required: a start of the agent then reads a tenth of its program, where a plain bundle makes V8 look at all of it and loads
 * every module of Node that any command needs.
 */
export function joinChunks(entry: string, chunks: readonly Chunk[]): string {
  const sorted = chunks.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1));
  const texts = Object.fromEntries(sorted.map(({ fileName, code }) => [`./${fileName}`, code]));
  return `'use strict';
const texts = ${JSON.stringify(texts)};
const modules = new Map();
function load(id) {
  if (!Object.hasOwn(texts, id)) {
    const builtin = process.getBuiltinModule(id);
    if (builtin === undefined) throw new Error('there is no module ' + id);
    return builtin;
  }
  const known = modules.get(id);
  if (known !== undefined) return known.exports;
  const made = { exports: {} };
  modules.set(id, made);
  const body = new Function('exports', 'require', 'module', texts[id] + '\\n//# sourceURL=' + id.slice(2));
  body(made.exports, load, made);
  return made.exports;
}
load(${JSON.stringify(`./${entry}`)});
`;
}
