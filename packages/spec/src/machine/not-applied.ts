/** A key that a configuration sets and that this version only checks. */
export interface NotAppliedKey {
  key: string;
  reason: string;
}

const KUBERNETES = 'Kubernetes distributions are not run yet';
const BUNDLES = 'bundles are not applied yet';
const SIGNATURES = 'images are checked by the keys they are built with';
const ENCRYPTION = 'encrypted partitions are not there yet';
const COMPRESSION = 'images are compressed when they are built';

/** Top-level keys of features that do not exist yet; a key leaves the table with the work that makes it do something. */
export const NOT_APPLIED_YET: Readonly<Record<string, string>> = {
  'eject-cd': 'a medium is not ejected: take it out after the installation',
  options: 'it is of older versions of Kairos: write install.*',
  'uki-max-entries': 'the ESP holds what the slots hold, and nothing older',
  grub_options: 'there is no GRUB: kernel arguments are part of the signed image',
  bundles: BUNDLES,
  fail_on_bundles_errors: BUNDLES,
  kcrypt: ENCRYPTION,
  'bind-pcrs': ENCRYPTION,
  'bind-public-pcrs': ENCRYPTION,
  phonehome: 'central management is not there yet',
  providers: 'provider programs are not run',
  extensions: 'system extensions are not there yet',
  p2p: 'the mesh of machines is not there yet',
  k3s: KUBERNETES,
  'k3s-agent': KUBERNETES,
  k0s: KUBERNETES,
  'k0s-worker': KUBERNETES,
  kubevip: KUBERNETES,
  cluster: KUBERNETES,
  cosign: SIGNATURES,
  'cosign-key': SIGNATURES,
  verify: SIGNATURES,
  arch: 'a machine takes images of its own architecture only',
  'squash-compression': COMPRESSION,
  'squash-no-compression': COMPRESSION,
  debug: 'the records of a run are complete without it',
  strict: 'a step that fails never stops the others; status shows it',
};

/** The keys of merged values that nothing applies yet, in the order of the values, for boot and status. */
export function notAppliedKeys(values: Readonly<Record<string, unknown>>): NotAppliedKey[] {
  return Object.entries(values).flatMap(([key, value]) => {
    const reason = Object.hasOwn(NOT_APPLIED_YET, key) ? NOT_APPLIED_YET[key] : undefined;
    return reason === undefined || isNothing(value) ? [] : [{ key, reason }];
  });
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
