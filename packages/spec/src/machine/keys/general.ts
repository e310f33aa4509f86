import * as z from 'zod';
import { environmentList, flag, text, textMap, texts, whole } from './fields.ts';

/** Everything that is no block of its own. */
export const generalKeys = {
  name: text('Name of the document; after refers to it.', 'base'),
  config_url: z
    .string()
    .optional()
    .meta({
      description: 'Further configuration to fetch, a template.',
      examples: ['https://example.com/edge.yaml'],
      secret: true,
    }),
  options: textMap('Free options of older versions.', { device: '/dev/sda' }),
  fail_on_bundles_errors: flag('Stop when a bundle fails.'),
  env: environmentList('Environment of the installation, as KEY=VALUE.'),
  debug: flag('Write more into the log.'),
  strict: flag('Stop at the first step that fails.'),
  'cloud-init-paths': texts('Further folders with stages.', '/srv/config'),
  'eject-cd': flag('Eject the medium at the first restart after the installation.'),
  cosign: flag('Check signatures of images.'),
  'cosign-key': text('Public key of these signatures.', '/etc/cosign.pub'),
  verify: flag('Check images.'),
  arch: text('Architecture of images, when not that of the machine.', 'arm64'),
  'squash-compression': texts('Arguments of mksquashfs.', '-comp', 'zstd'),
  'squash-no-compression': flag('Do not compress the recovery system.'),
  'uki-max-entries': whole('Boot entries to keep.', 3),
  'bind-pcrs': texts('PCRs by value to which keys are bound.', '7'),
  'bind-public-pcrs': texts('PCRs by signed policy to which keys are bound.', '11'),
  logs: z
    .strictObject({
      journal: texts('Units whose journal is collected too.', 'app.service'),
      files: texts('Files that are collected too; patterns.', '/var/log/app/*.log'),
    })
    .optional()
    .meta({ description: 'What the support bundle holds besides.', examples: [{ journal: ['app.service'] }] }),
  providers: z
    .strictObject({ paths: texts('Folders with provider programs.', '/usr/local/system/providers') })
    .optional()
    .meta({ description: 'Provider programs.', examples: [{ paths: ['/usr/local/system/providers'] }] }),
  extensions: z
    .strictObject({
      catalogs: z
        .array(z.unknown())
        .optional()
        .meta({ description: 'Where extensions come from.', examples: [['https://example.com/catalog.yaml']] }),
      versions: z
        .record(z.string(), z.unknown())
        .optional()
        .meta({ description: 'Versions by name.', examples: [{ tools: '1.2' }] }),
    })
    .optional()
    .meta({ description: 'System extensions.', examples: [{ versions: { tools: '1.2' } }] }),
  platform: z
    .unknown()
    .optional()
    .meta({ description: 'Read by nothing.', examples: ['linux/amd64'], dead: 'nothing reads it, in Kairos neither' }),
  fullcloudconfig: z
    .unknown()
    .optional()
    .meta({ description: 'Read by nothing.', examples: [''], dead: 'nothing reads it, in Kairos neither' }),
};
