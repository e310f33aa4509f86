import { MIB } from '@bowline/os-layout';
import { AgentError, type AgentErrorCode } from '../error.ts';
import { slotTitle } from '../slots/slots.ts';
import type { SlotChoice } from './choose-slot.ts';
import { compareVersions } from './compare-versions.ts';
import type { UpgradeFacts, UpgradeWish } from './upgrade-facts.ts';

/** One reason why a version is not taken. */
export interface Refusal {
  code: AgentErrorCode;
  /** A sentence. */
  message: string;
  hint: string;
}

/** Room the ESP needs beyond a UKI: entries, and a FAT that is not filled to the last cluster. */
const ESP_SLACK_BYTES = MIB;
/** Room that state needs: the record, and the journal and index of the slot that is written. */
export const STATE_BYTES = 16 * MIB;

/**
 * Everything that speaks against an upgrade, the gravest first, so that people learn of all of it at once and before anything
 * is written. `freedBytes` is what the ESP gains when the entries that are to go have gone.
 */
export function checkUpgrade(
  facts: UpgradeFacts,
  wish: UpgradeWish,
  choice: SlotChoice,
  freedBytes: number,
): Refusal[] {
  return [
    ...checkFit(facts, wish),
    ...checkHistory(facts, wish),
    ...checkSlot(facts, wish, choice),
    ...checkSpace(facts, wish, freedBytes),
  ];
}

/** Throws AgentError with the code of the first refusal and the sentences of all. */
export function throwRefusals(facts: UpgradeFacts, refusals: readonly Refusal[]): void {
  const [first] = refusals;
  if (first === undefined) return;
  const title = `${facts.next.name} ${facts.next.version}`;
  const sentences = refusals.map(({ message }) => message);
  throw new AgentError({
    code: first.code,
    message:
      refusals.length === 1
        ? `${title} is not taken: ${first.message}`
        : `${title} is not taken, for ${refusals.length} reasons: ${sentences.map((text, index) => `(${index + 1}) ${text}`).join(' ')}`,
    hint: [...new Set(refusals.map(({ hint }) => hint))].join(' '),
    details: { refusals: refusals.map(({ code, message }) => ({ code, message })) },
  });
}

function checkFit({ next, arch, layoutVersion, running }: UpgradeFacts, wish: UpgradeWish): Refusal[] {
  const refusals: Refusal[] = [];
  if (next.arch !== arch) {
    refusals.push({
      code: 'RELEASE_UNFIT',
      message: `It is for ${next.arch}, this machine is ${arch}.`,
      hint: `Name the release for ${arch}.`,
    });
  }
  if (next.layoutVersion > layoutVersion) {
    refusals.push({
      code: 'RELEASE_UNFIT',
      message: `It needs layout ${next.layoutVersion} of the disk, this machine knows ${layoutVersion}.`,
      hint: 'Upgrade to a version in between first.',
    });
  }
  if (next.debug && !running.debug && !wish.force) {
    refusals.push({
      code: 'RELEASE_UNFIT',
      message: 'It is a debug image: anyone at a serial port would have a root shell, and this machine runs none.',
      hint: 'Build it without --debug, or use --force.',
    });
  }
  return refusals;
}

function checkHistory(facts: UpgradeFacts, wish: UpgradeWish): Refusal[] {
  const { next, running, bad } = facts;
  const refusals: Refusal[] = [];
  if (facts.trial) {
    refusals.push({
      code: 'VERSION_UNPROVEN',
      message: `${running.version === '' ? 'The version that runs' : `Version ${running.version}, which runs,`} has yet to prove itself: writing another one now would take away the last good one.`,
      hint: 'Wait until its checks have passed; bowline-agent status shows them.',
    });
  }
  if (bad !== undefined && !wish.force) {
    refusals.push({
      code: 'VERSION_BAD',
      message: `It was tried on ${bad.at.slice(0, 10)} and failed: ${bad.reason}`,
      hint: 'Build a version that cures this, or use --force to try it again.',
    });
  }
  const isOlder = running.name === next.name && compareVersions(next.version, running.version) < 0;
  if (isOlder && !wish.recovery && !wish.allowDowngrade && !wish.force) {
    refusals.push({
      code: 'DOWNGRADE_REFUSED',
      message: `It is older than version ${running.version}, which runs.`,
      hint: 'Use --allow-downgrade, or bowline-agent rollback for the version before.',
    });
  }
  return refusals;
}

function checkSlot({ next, slots, running }: UpgradeFacts, wish: UpgradeWish, choice: SlotChoice): Refusal[] {
  if (choice.kind === 'none') {
    if (wish.recovery && running.slot === 'recovery') {
      return [
        {
          code: 'VERSION_UNPROVEN',
          message: 'The recovery system runs, so it cannot be replaced.',
          hint: 'Start the machine from one of its versions first.',
        },
      ];
    }
    const kept = choice.kept.filter((name) => name !== 'recovery');
    if (kept.length < 2 || wish.recovery) {
      return [
        {
          code: 'NO_SYSTEM_DISK',
          message: `The disk has no ${wish.recovery ? 'recovery slot' : 'second slot'}.`,
          hint: 'The first start from the disk makes what is missing; a bowl may leave out the recovery.',
        },
      ];
    }
    const [one, other] = kept.map(slotTitle);
    return [
      {
        code: 'VERSION_UNPROVEN',
        message: `Both slots are needed: ${one} runs, and ${other} holds the newest version that has proved itself.`,
        hint: 'Restart into the newest version, or make the one that runs the newest with bowline-agent rollback.',
      },
    ];
  }
  const slot = slots.find(({ name }) => name === choice.slot);
  if (slot === undefined || choice.kind === 'reuse') return [];
  if (next.rootBytes <= slot.dataBytes && next.hashBytes <= slot.hashBytes) return [];
  return [
    {
      code: 'SLOT_TOO_SMALL',
      message: `Its root of ${next.rootBytes} bytes does not fit ${slotTitle(slot.name)} of ${slot.dataBytes} bytes.`,
      hint: 'Make the image smaller, or install it anew: slots of a machine do not grow.',
    },
  ];
}

function checkSpace(facts: UpgradeFacts, wish: UpgradeWish, freedBytes: number): Refusal[] {
  const { next, entries, espFreeBytes, stateFreeBytes } = facts;
  const refusals: Refusal[] = [];
  const isThere = entries.some(({ ukiDigest }) => ukiDigest === next.ukiDigest);
  const espBytes = (isThere ? 0 : next.ukiBytes) + ESP_SLACK_BYTES;
  if (espFreeBytes + freedBytes < espBytes) {
    refusals.push({
      code: 'NO_SPACE',
      message: `The EFI system partition lacks ${espBytes - espFreeBytes - freedBytes} bytes for its UKI.`,
      hint: 'Remove files that are not of this system from the EFI system partition.',
    });
  }
  if (stateFreeBytes < STATE_BYTES && !wish.force) {
    refusals.push({
      code: 'NO_SPACE',
      message: `The state of the machine has ${stateFreeBytes} bytes left, ${STATE_BYTES} are needed.`,
      hint: 'Free some space below /var; or use --force, when the new version is to cure that.',
    });
  }
  return refusals;
}
