import * as z from 'zod';
import { AbsolutePath, Duration, Size, UnitName } from './values.ts';

/** A program of the image: exactly one of argv and run, which is a line for `/bin/sh`. */
const program = {
  argv: z
    .array(
      z
        .string()
        .max(4096)
        .regex(/^[^\0]*$/, 'must not hold a NUL byte'),
    )
    .min(1)
    .max(100)
    .optional()
    .meta({
      description: 'The program and its arguments; no shell reads them.',
      examples: [['/usr/bin/app', '--selftest']],
    }),
  run: z
    .string()
    .min(1)
    .max(65_536)
    .regex(/^[^\0]+$/, 'must not hold a NUL byte')
    .optional()
    .meta({ description: 'A line for /bin/sh of the image.', examples: ['test -S /run/app.sock'] }),
};

/** A program with the longest time it may take. */
export const ProgramCheck = z
  .strictObject({
    ...program,
    timeout: Duration.default('30s').meta({ description: 'Longest time for one run.', examples: ['30s'] }),
  })
  .meta({
    description: 'A program of the image that must end with 0: exactly one of argv, run.',
    examples: [{ run: 'test -S /run/app.sock' }],
  });
export type ProgramCheck = z.infer<typeof ProgramCheck>;

/** A program that is run around a change of version, with the longest time it may take. */
export const HookProgram = z
  .strictObject({
    ...program,
    timeout: Duration.default('5m').meta({ description: 'Longest time for the run.', examples: ['5m'] }),
  })
  .meta({
    description: 'A program of the image: exactly one of argv, run.',
    examples: [{ argv: ['/usr/bin/app', 'backup'] }],
  });
export type HookProgram = z.infer<typeof HookProgram>;

const HttpCheck = z
  .strictObject({
    url: z
      .string()
      .max(2048)
      .regex(/^https?:\/\/[^\s\0@]+$/, 'not an http:// or https:// address without user and password')
      .meta({
        description: 'Address to get; redirects are not followed.',
        examples: ['http://127.0.0.1:8080/healthz'],
      }),
    status: z
      .int()
      .min(100)
      .max(599)
      .default(200)
      .meta({ description: 'Status it must answer with.', examples: [200] }),
    timeout: Duration.default('10s').meta({ description: 'Longest time for the answer.', examples: ['10s'] }),
  })
  .meta({ description: 'A web address that must answer.', examples: [{ url: 'http://127.0.0.1:8080/healthz' }] });

const DiskSpaceCheck = z
  .strictObject({
    path: AbsolutePath.meta({ description: 'A path on the file system.', examples: ['/var'] }),
    free: Size.meta({ description: 'Room that must be free.', examples: ['500 MiB'] }),
  })
  .meta({ description: 'Room on a file system.', examples: [{ path: '/var', free: '500 MiB' }] });

/** What must hold before a version of the image counts as good. */
export const Checks = z
  .strictObject({
    within: Duration.default('10m').meta({
      description: 'All checks must hold at the same moment within this time from the end of the stage network.',
      examples: ['10m'],
    }),
    bootComplete: z
      .boolean()
      .default(true)
      .meta({
        description:
          'The start is over and boot-complete.target is reached with everything it requires; skipped without systemd.',
        examples: [true],
      }),
    noFailedUnits: z
      .union([
        z.boolean(),
        z.strictObject({
          except: z
            .array(UnitName)
            .default([])
            .meta({
              description: 'Units that may fail.',
              examples: [['vendor-telemetry.service']],
              merge: 'append',
              identity: 'value',
            }),
        }),
      ])
      .default(true)
      .meta({
        description: 'No systemd unit is failed, but for those named; skipped without systemd.',
        examples: [{ except: ['vendor-telemetry.service'] }, true],
      }),
    network: z
      .boolean()
      .default(false)
      .meta({ description: 'There is a default route.', examples: [true] }),
    ssh: z
      .union([
        z.boolean(),
        z.strictObject({
          port: z
            .int()
            .min(1)
            .max(65_535)
            .default(22)
            .meta({ description: 'Port of the SSH server.', examples: [2222] }),
        }),
      ])
      .default(false)
      .meta({ description: 'An SSH server answers on this machine.', examples: [true, { port: 2222 }] }),
    diskSpace: z
      .array(DiskSpaceCheck)
      .default([])
      .meta({
        description: 'Room that must be free.',
        examples: [[{ path: '/var', free: '500 MiB' }]],
        merge: 'append',
        identity: 'path',
      }),
    time: z
      .boolean()
      .default(false)
      .meta({
        description: 'The clock is right: after the build, and synchronised where systemd tells.',
        examples: [true],
      }),
    units: z
      .array(UnitName)
      .default([])
      .meta({
        description: 'Units that must be active; on OpenRC the service of that name.',
        examples: [['nginx.service']],
        merge: 'append',
        identity: 'value',
      }),
    http: z
      .array(HttpCheck)
      .default([])
      .meta({
        description: 'Web addresses that must answer.',
        examples: [[{ url: 'http://127.0.0.1:8080/healthz' }]],
        merge: 'append',
        identity: 'url',
      }),
    command: z
      .array(ProgramCheck)
      .default([])
      .meta({
        description: 'Programs that must end with 0.',
        examples: [[{ run: 'test -S /run/app.sock' }]],
        merge: 'append',
      }),
  })
  .meta({
    description:
      'When a version of the image is healthy. A new version that is not within this time gives way to the one before; one that was healthy before is only reported.',
    examples: [{ within: '10m', units: ['nginx.service'], ssh: true }],
  });
export type Checks = z.infer<typeof Checks>;
