export type { ReadCloudConfig } from './bowl/check-cloud-config.ts';
export { checkRules } from './bowl/check-rules.ts';
export { EXTENDS_LIMIT, type LoadOptions, type LoadResult, loadBowl, type ReadExtends } from './bowl/load.ts';
export { CURRENT_API_VERSION, type Migration } from './bowl/migrate.ts';
export { REDACTED, redactBowl } from './bowl/redact.ts';
export { RULES, type Rule } from './bowl/rules.ts';
export { Bowl, FileEntry, User } from './bowl/schema.ts';
export { Base, FirmwareSource, KernelSource } from './bowl/sources.ts';
export { Arch, OutputKind } from './bowl/values.ts';
export { Sha256 } from './digest.ts';
export { renderJsonSchema } from './docs/json-schema.ts';
export { renderMachineJsonSchema } from './docs/machine-json-schema.ts';
export { renderMachineReference } from './docs/machine-reference.ts';
export { renderReference } from './docs/reference.ts';
export { bowlError, SpecError, type SpecErrorCode } from './error.ts';
export { canonicalJson } from './identity/canonical-json.ts';
export { type CanonicalBowl, canonicalBowl, type ImageIdentity, imageId } from './identity/image-id.ts';
export { lifecycleOfBowl, trialSeconds } from './lifecycle/from-bowl.ts';
export {
  formatLifecycle,
  HealthCheck,
  LifecycleDocument,
  LifecycleHook,
  parseLifecycle,
} from './lifecycle/schema.ts';
export { formatLock, parseLock } from './lock/document.ts';
export { BowlLock, LockedArch, LockedLayer, LockedSource } from './lock/schema.ts';
export { type ConfigArguments, parseConfigArguments } from './machine/command-line.ts';
export { HEADERS, type MachineDocument, type MachineDocumentResult } from './machine/document.ts';
export { findHeader } from './machine/header.ts';
export { loadMachineDocument, type MachineDocumentOptions } from './machine/load.ts';
export { type MergedValues, type MergeSource, mergeMachineValues } from './machine/merge.ts';
export { NOT_APPLIED_YET, type NotAppliedKey, notAppliedKeys } from './machine/not-applied.ts';
export { isMachineText } from './machine/recognize.ts';
export { MachineConfig } from './machine/schema.ts';
export { STAGE_NAMES, stageSequence } from './machine/stage-names.ts';
export { PLUGIN_KEYS, type PluginKey, Step, UserStep } from './machine/step.ts';
export { formatManifest, Manifest, ManifestFile, ManifestRoot, parseManifest } from './manifest/schema.ts';
export { formatProblem, formatProblems, type Problem } from './problem.ts';
export {
  formatReleasePart,
  LAYOUT_VERSION,
  parseReleaseDocument,
  parseReleaseInventory,
  parseReleaseSignatures,
  RELEASE_MEDIA_TYPES,
  ReleaseDocument,
  ReleaseInventory,
  ReleaseSignatures,
  ReleaseVerity,
} from './release/schema.ts';
export { nearestWord } from './schema/nearest.ts';
export { formatBytes, parseSize } from './size.ts';
export { formatVerdict, type Verdict } from './verdict.ts';
export type { SourceText } from './yaml/parse.ts';
