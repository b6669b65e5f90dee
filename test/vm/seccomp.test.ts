import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { staticProgram } from "../fixtures/static-program.ts";
import { Runtime } from "./runtime.ts";

/** What a static program needs, and runtimes on their way to it; close_range, number 436, is the newest. */
const NEEDED =
  "execve brk arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink readlinkat getrandom mprotect mmap " +
  "munmap fstat newfstatat read write close close_range exit exit_group prctl fcntl openat lseek futex " +
  "rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack gettid getpid tgkill madvise epoll_pwait epoll_ctl nanosleep " +
  "capget capset fstatfs getdents64 chdir fchdir getcwd setuid setgid setgroups ioctl";

const PROFILE = {
  defaultAction: "SCMP_ACT_ERRNO",
  architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  syscalls: [{ names: NEEDED.split(" "), action: "SCMP_ACT_ALLOW" }],
};

const runtime = new Runtime();
// What runc keeps of its own is there as long as the state folder.
afterAll(async () => {
  expect((await runtime.close()).filter((line) => line !== "~host")).toEqual([]);
});

it.each([
  ["EPERM", {}, 1],
  ["the errno of the profile", { defaultErrnoRet: 13 }, 13],
])(
  "refuses with %s what a profile leaves out, and has nothing that is newer than it, as runc",
  async (_, members, errno) => {
    const [leftOut, ...newer] = ["246", "437", "452", "1000"];
    const { dir, rootfs } = await runtime.bundle({
      args: ["/bin/call-numbers", leftOut, ...newer],
      linux: { seccomp: { ...PROFILE, ...members } },
    });
    cpSync(staticProgram("call-numbers"), join(rootfs, "bin/call-numbers"));
    const answers = [`${leftOut} ${errno}`, ...newer.map((number) => `${number} 38`)];
    const said = { code: 0, stdout: `${answers.join("\n")}\n`, stderr: "" };
    expect(await runtime.runAgain(dir)).toEqual(said);
    expect(await runtime.call(["run", "--bundle", dir, runtime.id()])).toEqual(said);
  },
);
