import { MERGE_FOLDERS } from '@bowline/os-layout';
import { formatProblem, mergeMachineValues } from '@bowline/spec';
import type { Machine } from '../machine/machine.ts';
import { secretsOf } from '../redaction/redact-value.ts';
import { collectConfig } from './collect.ts';
import { describeTrouble } from './use-config.ts';

/** The configuration of a machine as one map. */
export interface MergedConfig {
  values: Record<string, unknown>;
  /** What is wrong in its files. */
  warnings: string[];
  /** Values that must not be shown, longest first; those of steps too. */
  secrets: string[];
}

/** Merges the configurations of the machine in the order of MERGE_FOLDERS. Nothing is fetched, and nothing written. */
export async function mergedConfig(machine: Machine): Promise<MergedConfig> {
  const { documents, warnings, troubles } = await collectConfig(machine, {
    folders: MERGE_FOLDERS,
    fetch: false,
    keep: false,
  });
  const { values, problems } = mergeMachineValues(documents.map(({ file, values: own }) => ({ file, values: own })));
  return {
    values,
    warnings: [...troubles.map(describeTrouble), ...warnings, ...problems.map(formatProblem)],
    secrets: secretsOf(documents.map(({ values: own, stages }) => [own, stages])),
  };
}
