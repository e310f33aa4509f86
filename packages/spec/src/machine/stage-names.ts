/**
 * Moments at which the steps of a cloud-config run. `rootfs` and `initramfs` run before the switch to the image's init,
 * `fs`, `boot`, `network` and `reconcile` on the running machine, the others around installing, upgrading and resetting.
 * Any other name is allowed too: whoever calls it runs it.
 */
export const STAGE_NAMES = [
  'rootfs',
  'initramfs',
  'fs',
  'boot',
  'network',
  'reconcile',
  'kairos-install.pre',
  'kairos-install.after',
  'before-install',
  'after-install-chroot',
  'after-install',
  'kairos-uki-install.pre',
  'kairos-uki-install.after',
  'before-upgrade',
  'after-upgrade-chroot',
  'after-upgrade',
  'kairos-uki-upgrade.pre',
  'kairos-uki-upgrade.after',
  'before-reset',
  'after-reset-chroot',
  'after-reset',
  'kairos-uki-reset.pre',
  'kairos-uki-reset.after',
  'kairos-agent.bootstrap',
] as const;

/** Running a stage runs these three, in this order. */
export function stageSequence(stage: string): [before: string, stage: string, after: string] {
  return [`${stage}.before`, stage, `${stage}.after`];
}
