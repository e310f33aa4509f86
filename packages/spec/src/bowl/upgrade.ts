import * as z from 'zod';
import { HookProgram } from './checks.ts';
import { RelativePath } from './values.ts';

const Hooks = (description: string) =>
  z
    .array(HookProgram)
    .default([])
    .meta({ description, examples: [[{ argv: ['/usr/bin/app', 'backup'] }]], merge: 'append' });

/** Where new versions come from, and whom the machine believes. */
export const Upgrade = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[^\s\0@]+(@sha256:[0-9a-f]{64})?$/, 'a source has no blanks, no user and no password')
      .optional()
      .meta({
        description:
          'Where upgrades come from unless the command names another place: registry, folder or web address.',
        examples: ['registry.example.org/edge:stable', 'https://example.org/edge-release/'],
      }),
    trustedKeys: z
      .array(RelativePath)
      .default([])
      .meta({
        description:
          'Files beside the bowl with Ed25519 public keys (PEM). With any, a machine takes only releases that one of them signed.',
        examples: [['keys/release.pem']],
        merge: 'append',
        identity: 'value',
      }),
    allowDowngrade: z
      .boolean()
      .default(false)
      .meta({ description: 'Older versions are taken without --allow-downgrade.', examples: [true] }),
    hooks: z
      .strictObject({
        beforeUpgrade: Hooks('Run before an upgrade writes anything; one that fails stops the upgrade.'),
        afterRollback: Hooks('Run once after the machine went back to an older version, by itself or by hand.'),
      })
      .prefault({})
      .meta({
        description: 'Programs of the image around a change of version.',
        examples: [{ beforeUpgrade: [{ argv: ['/usr/bin/app', 'backup'] }] }],
      }),
  })
  .meta({
    description: 'Where new versions come from, whom the machine believes, and what runs around a change of version.',
    examples: [{ source: 'registry.example.org/edge:stable', trustedKeys: ['keys/release.pem'] }],
  });
export type Upgrade = z.infer<typeof Upgrade>;
