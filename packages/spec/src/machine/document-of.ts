import type { Problem } from '../problem.ts';
import type { LocatedMap } from '../yaml/located.ts';
import { checkMeaning } from './check-meaning.ts';
import type { MachineDocument } from './document.ts';
import { expandCloudInit } from './expand.ts';
import { readLenient } from './lenient.ts';
import { MachineConfig } from './schema.ts';
import type { Step } from './step.ts';

/** Makes a document of the keys of one source: good values, and steps by stage, those of cloud-init first. */
export function documentOf(node: LocatedMap, file: string): { document: MachineDocument; problems: Problem[] } {
  const read = readLenient(node, MachineConfig);
  const { stages: written = {}, ...values } = (read.value ?? {}) as MachineConfig;
  const stages = new Map<string, Step[]>();
  for (const part of [expandCloudInit(withoutNulls(values)), withoutNulls(written)]) {
    for (const [stage, steps] of Object.entries(part)) stages.set(stage, [...(stages.get(stage) ?? []), ...steps]);
  }
  const document = { file, name: values.name || file, values, stages: Object.fromEntries(stages) };
  return { document, problems: [...read.problems, ...checkMeaning(node)] };
}

/** A null in a step means that the key is not there. */
function withoutNulls<T>(value: T): T {
  return strip(value) as T;
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(strip);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== null);
  return Object.fromEntries(entries.map(([key, item]) => [key, strip(item)]));
}
