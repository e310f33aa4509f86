import type { Step } from '@bowline/spec';
import type { MachineFacts } from '../machine/machine.ts';

/** Whether an RE2 expression matches somewhere in a text. Throws when it is no expression. */
export type MatchExpression = (expression: string, text: string) => boolean;

/** True when a step needs the matcher of expressions. */
export function hasExpressions(step: Step): boolean {
  return [step.node, step.only_os, step.only_os_version, step.only_arch].some((expression) => isSet(expression));
}

/**
 * Why a step does nothing on a machine with these facts; undefined when it may run. Facts do not change while a stage
 * runs, so a dry run says the same. A bad expression skips the step with a warning.
 */
export function factsAgainst(
  step: Step,
  facts: MachineFacts,
  matches: MatchExpression,
): { reason: string; warning?: string } | undefined {
  const names = facts.arch === 'amd64' ? ['amd64', 'x86_64'] : facts.arch === 'arm64' ? ['arm64', 'aarch64'] : [];
  const conditions: [key: string, expression: string | undefined, texts: string[]][] = [
    ['node', step.node, [facts.hostname]],
    ['only_os', step.only_os, [facts.osId, facts.osName]],
    ['only_os_version', step.only_os_version, [facts.osVersion]],
    ['only_arch', step.only_arch, names.length > 0 ? names : [facts.arch]],
  ];
  for (const [key, expression, texts] of conditions) {
    if (!isSet(expression)) continue;
    try {
      if (texts.some((text) => matches(expression, text))) continue;
    } catch {
      const reason = `${key}: "${expression}" is no RE2 expression`;
      return { reason, warning: reason };
    }
    return { reason: `${key}: "${expression}" does not match ${texts.map((text) => `"${text}"`).join(' or ')}` };
  }
  const wanted = step.only_service_manager;
  if (isSet(wanted) && wanted !== facts.serviceManager) {
    return { reason: `only_service_manager: this machine has ${facts.serviceManager}, not ${wanted}` };
  }
  return undefined;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
