import type { Problem } from '../problem.ts';
import { foldWord, nearestWord } from '../schema/nearest.ts';
import { formatPath, type Located, type LocatedEntry, type Path, type Position, valueOf } from '../yaml/located.ts';
import { findRe2Fault } from './re2-syntax.ts';
import { STAGE_NAMES } from './stage-names.ts';

/** Stages of tools that make images; nobody runs them on a machine, but they are no slips. */
const FOREIGN_STAGES = ['install', 'init', 'before-init', 'after-init', 'kairos-agent.boot', 'first-boot'];

/** Conditions that are RE2 expressions. */
const EXPRESSIONS = ['node', 'only_os', 'only_os_version', 'only_arch', 'only_service_manager'];

/** Stages whose names are looked at. */
const STAGE_LIMIT = 200;

/** Longest expression that is looked at. */
const EXPRESSION_LIMIT = 4096;

/**
 * What the schema accepts and yet cannot be meant: stages that nobody runs, expressions that RE2 refuses, an installation
 * that leaves nobody able to log in. Warnings only.
 */
export function checkMeaning(root: Located): Problem[] {
  const stages = entriesOf(valueOf(root, 'stages'));
  return [
    ...stages.slice(0, STAGE_LIMIT).flatMap(checkStageName),
    ...stages.flatMap(({ key, value }) =>
      itemsOf(value).flatMap((step, index) => checkExpressions(step, ['stages', key, index])),
    ),
    ...checkInstallation(root, stages),
  ];
}

function checkStageName({ key, keyAt }: LocatedEntry): Problem[] {
  const base = key.replace(/(\.(before|after))+$/, '');
  const known: readonly string[] = [...STAGE_NAMES, ...FOREIGN_STAGES];
  if (known.includes(base) || known.includes(key) || base.startsWith('provider-kairos.')) return [];
  const suggestion = nearestWord(base, known);
  // Any name may be a stage that something else runs; only what looks like a slip is worth a word.
  if (suggestion === undefined || foldWord(base).length < 3) return [];
  return [{ ...warning(keyAt, ['stages', key], 'nothing runs a stage of this name by itself'), suggestion }];
}

function checkExpressions(step: Located, path: Path): Problem[] {
  return EXPRESSIONS.flatMap((key) => {
    const value = valueOf(step, key);
    if (value?.kind !== 'scalar' || typeof value.value !== 'string' || value.value.length > EXPRESSION_LIMIT) return [];
    const fault = findRe2Fault(value.value);
    if (fault === undefined) return [];
    const keyPath = [...path, key];
    return [
      warning(value.at, keyPath, `${formatPath(keyPath)} is no RE2 expression (${fault}), so the step never runs`),
    ];
  });
}

function checkInstallation(root: Located, stages: readonly LocatedEntry[]): Problem[] {
  const install = valueOf(root, 'install');
  if (install?.kind !== 'map') return [];
  const users = [
    ...itemsOf(valueOf(root, 'users')),
    ...stages.flatMap(({ value }) =>
      itemsOf(value).flatMap((step) => entriesOf(valueOf(step, 'users')).map((entry) => entry.value)),
    ),
  ];
  const problems: Problem[] = [];
  const admin = users.some((user) => itemsOf(valueOf(user, 'groups')).some((group) => scalarOf(group) === 'admin'));
  if (users.length > 0 && !admin && scalarOf(valueOf(install, 'nousers')) !== true) {
    const message = 'no user is in the group admin; Kairos refuses to install that unless install.nousers is true';
    problems.push(warning(install.at, ['install'], message));
  }
  const hardening = valueOf(install, 'ssh_hardening');
  const keys = [...users, root].some((owner) => itemsOf(valueOf(owner, 'ssh_authorized_keys')).length > 0);
  const later = stages.some(({ value }) => itemsOf(value).some((step) => valueOf(step, 'authorized_keys')));
  if (hardening && scalarOf(hardening) === true && !keys && !later) {
    const message = 'install.ssh_hardening allows keys only, and there is no key: nobody could log in over SSH';
    problems.push(warning(hardening.at, ['install', 'ssh_hardening'], message));
  }
  const device = valueOf(install, 'device');
  if (device && /^\/dev\/disk\/by-part(label|uuid)\//.test(String(scalarOf(device)))) {
    const message = 'install.device names a partition; use by-id, by-path, by-label, by-uuid or by-diskseq';
    problems.push(warning(device.at, ['install', 'device'], message));
  }
  return problems;
}

function entriesOf(node: Located | undefined): readonly LocatedEntry[] {
  return node?.kind === 'map' ? node.entries : [];
}

function itemsOf(node: Located | undefined): readonly Located[] {
  return node?.kind === 'list' ? node.items : [];
}

function scalarOf(node: Located | undefined): unknown {
  return node?.kind === 'scalar' ? node.value : undefined;
}

function warning(at: Position, path: Path, message: string): Problem {
  return { ...at, path: formatPath(path), message, severity: 'warning' };
}
