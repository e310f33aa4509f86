import * as z from 'zod';
import type { Problem } from '../problem.ts';
import { describeSchema, optionsOf } from '../schema/describe.ts';
import type { Located, LocatedEntry, Position } from '../yaml/located.ts';
import type { MachineDocument } from './document.ts';
import { documentOf } from './document-of.ts';
import { type KernelArgument, splitKernelArguments } from './kernel-arguments.ts';
import { MachineConfig } from './schema.ts';

/** Bounds on what the command line may set; the kernel itself takes 2 to 4 KiB. */
const COMMAND_LINE_LIMITS = { length: 65_536, settings: 512, segments: 16, index: 999 } as const;

const SETTING_ARGUMENTS = ['kairos.config', 'bowline.config'];
const URL_ARGUMENTS = ['bowline.config_url', 'kairos.config_url', 'config_url', 'cos.setup'];

/** What the kernel command line says about configuration. */
export interface ConfigArguments {
  /** Values and steps, as of a document that comes after all files. */
  document: MachineDocument;
  /** Where further configuration is to be fetched, in the order of the arguments. May hold passwords: never print it. */
  configUrls: string[];
  problems: Problem[];
}

/**
 * Reads the configuration that stands in a kernel command line: `kairos.config=KEY=VALUE` or `bowline.config=KEY=VALUE`,
 * `KEY=VALUE` of any key that a configuration can have, and the URLs of `config_url=`, `kairos.config_url=`,
 * `bowline.config_url=` and `cos.setup=`. KEY is a path of names and indices (`stages.boot[0].commands[0]`, `runcmd.0`);
 * a KEY without value is true. Arguments of others are left alone.
 */
export function parseConfigArguments(commandLine: string, file = '/proc/cmdline'): ConfigArguments {
  const problems: Problem[] = [];
  const root = new Branch();
  const configUrls: string[] = [];
  let settings = 0;
  const text = commandLine.slice(0, COMMAND_LINE_LIMITS.length);
  for (const argument of splitKernelArguments(text)) {
    const at = { file, line: 1, column: argument.offset + 1 };
    const warn = (message: string): void => void problems.push({ ...at, path: '', message, severity: 'warning' });
    if (URL_ARGUMENTS.includes(argument.name)) {
      if (!argument.value) warn(`${argument.name} needs a URL`);
      else if (!configUrls.includes(argument.value)) configUrls.push(argument.value);
      continue;
    }
    const setting = settingOf(argument, warn);
    if (!setting) continue;
    settings += 1;
    if (settings > COMMAND_LINE_LIMITS.settings) {
      warn(`more than ${COMMAND_LINE_LIMITS.settings} settings; the rest is left out`);
      break;
    }
    const path = splitKey(setting.name);
    if (typeof path === 'string') warn(`${path}; it is left out`);
    else if (!root.set(joinFreeKeys(path), setting.value, at)) warn('contradicts an earlier setting; it is left out');
  }
  const made = documentOf({ kind: 'map', at: { file, line: 1, column: 1 }, entries: root.entries() }, file);
  return { document: made.document, configUrls, problems: [...problems, ...made.problems] };
}

type Setting = Pick<KernelArgument, 'name' | 'value'>;

function settingOf({ name, value }: KernelArgument, warn: (message: string) => void): Setting | undefined {
  if (SETTING_ARGUMENTS.includes(name)) {
    const [, key = '', , set] = /^([^=]*)(=(.*))?$/s.exec(value ?? '') ?? [];
    if (key !== '') return { name: key, value: set };
    warn(`${name} needs KEY=VALUE`);
    return undefined;
  }
  const first = /^[^.[]*/.exec(name)?.[0] ?? '';
  if (!Object.hasOwn(MachineConfig.shape, first)) return undefined;
  // Words of other programs (`install`, `reset`) are no settings unless the key is a truth value.
  const schema = (MachineConfig.shape as Record<string, z.ZodType>)[first] as z.ZodType;
  if (first === name && value === undefined && !(describeSchema(schema).core instanceof z.ZodBoolean)) return undefined;
  return { name, value };
}

/** Names and indices of `stages.boot[0].commands.1`, or what is wrong with it. */
function splitKey(name: string): (string | number)[] | string {
  const path: (string | number)[] = [];
  for (const part of name.split('.')) {
    const [, word, indices = ''] = /^([^[\]]*)((?:\[\d{1,6}\])*)$/.exec(part) ?? [];
    if (word === undefined || (word === '' && indices === '')) return 'the path of the setting is malformed';
    if (word === '__proto__') return '"__proto__" cannot be used as a key';
    if (/^\d{1,6}$/.test(word)) path.push(Number(word));
    else if (word !== '') path.push(word);
    path.push(...[...indices.matchAll(/\d+/g)].map(([digits]) => Number(digits)));
  }
  if (path.length > COMMAND_LINE_LIMITS.segments) {
    return `the path of the setting has more than ${COMMAND_LINE_LIMITS.segments} parts`;
  }
  if (path.some((part) => typeof part === 'number' && part > COMMAND_LINE_LIMITS.index)) {
    return `an index is larger than ${COMMAND_LINE_LIMITS.index}`;
  }
  return path;
}

/** Keys that are free text may hold dots themselves: `stages.boot.before[0]`, `sysctl.net.ipv4.ip_forward`. */
function joinFreeKeys(path: readonly (string | number)[]): (string | number)[] {
  const joined: (string | number)[] = [];
  let schema: z.ZodType | undefined = MachineConfig;
  for (let at = 0; at < path.length; ) {
    const [core] = schema ? optionsOf(schema) : [];
    const part = path[at] as string | number;
    if (core instanceof z.ZodRecord) {
      const value: z.ZodType = core.valueType as z.ZodType;
      const isList = optionsOf(value)[0] instanceof z.ZodArray;
      const isMap = optionsOf(value)[0] instanceof z.ZodObject;
      const index = isList ? path.findIndex((next, i) => i > at && typeof next === 'number') : -1;
      const end = isMap ? at + 1 : index < 0 ? path.length : index;
      joined.push(path.slice(at, end).join('.'));
      schema = value;
      at = end;
      continue;
    }
    joined.push(part);
    schema = nextSchema(core, part);
    at += 1;
  }
  return joined;
}

function nextSchema(core: z.ZodType | undefined, part: string | number): z.ZodType | undefined {
  if (core instanceof z.ZodArray) return core.element as z.ZodType;
  if (!(core instanceof z.ZodObject) || !Object.hasOwn(core.shape, part)) return undefined;
  return core.shape[part] as z.ZodType;
}

/** A map or list in the making; a list is a branch whose keys are all numbers. */
class Branch {
  readonly #children = new Map<string | number, { at: Position; node: Branch | string | true }>();

  /** False when the path runs through a value, or ends at a branch. */
  set(path: readonly (string | number)[], value: string | undefined, at: Position): boolean {
    const [first, ...rest] = path;
    if (first === undefined) return false;
    const known = this.#children.get(first);
    const [sibling] = this.#children.keys();
    if (sibling !== undefined && typeof sibling !== typeof first) return false;
    if (rest.length === 0) {
      if (known?.node instanceof Branch) return false;
      this.#children.set(first, { at, node: value ?? true });
      return true;
    }
    if (known) return known.node instanceof Branch && known.node.set(rest, value, at);
    const branch = new Branch();
    this.#children.set(first, { at, node: branch });
    return branch.set(rest, value, at);
  }

  entries(): LocatedEntry[] {
    return [...this.#children].map(([key, { at, node }]) => ({
      key: String(key),
      keyAt: at,
      value: locatedOf(node, at),
    }));
  }

  /** Items in the order of their indices; holes are closed. */
  items(): Located[] | undefined {
    const children = [...this.#children];
    if (!children.every(([key]) => typeof key === 'number')) return undefined;
    return children.toSorted(([a], [b]) => Number(a) - Number(b)).map(([, { at, node }]) => locatedOf(node, at));
  }
}

function locatedOf(node: Branch | string | true, at: Position): Located {
  if (!(node instanceof Branch)) return { kind: 'scalar', value: node, source: String(node), at };
  const items = node.items();
  return items ? { kind: 'list', items, at } : { kind: 'map', entries: node.entries(), at };
}
