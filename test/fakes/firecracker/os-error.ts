// How Rust's standard library words errors of the kernel, with glibc's texts.

const TEXTS: Record<string, string> = {
  EPERM: "Operation not permitted",
  ENOENT: "No such file or directory",
  EACCES: "Permission denied",
  EBUSY: "Device or resource busy",
  EEXIST: "File exists",
  ENOTDIR: "Not a directory",
  EISDIR: "Is a directory",
  EINVAL: "Invalid argument",
  ETXTBSY: "Text file busy",
  EROFS: "Read-only file system",
  ENOSPC: "No space left on device",
  ENAMETOOLONG: "File name too long",
  ELOOP: "Too many levels of symbolic links",
  ENXIO: "No such device or address",
  EADDRINUSE: "Address already in use",
};
const KINDS: Record<string, string> = {
  EPERM: "PermissionDenied",
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EEXIST: "AlreadyExists",
  ENOTDIR: "NotADirectory",
  EISDIR: "IsADirectory",
  EADDRINUSE: "AddrInUse",
};

interface SystemError {
  code: string;
  errno: number;
}

function systemError(error: unknown): SystemError {
  const { code, errno } = error as NodeJS.ErrnoException;
  if (code === undefined || errno === undefined) throw error;
  return { code, errno: Math.abs(errno) };
}

/** As Display: `No such file or directory (os error 2)`. Throws on what is no error of the kernel. */
export function osError(error: unknown): string {
  const { code, errno } = systemError(error);
  return `${TEXTS[code] ?? code} (os error ${errno})`;
}

/** As Debug: `Os { code: 2, kind: NotFound, message: "No such file or directory" }`. */
export function osErrorDebug(error: unknown): string {
  const { code, errno } = systemError(error);
  return `Os { code: ${errno}, kind: ${KINDS[code] ?? "Uncategorized"}, message: ${JSON.stringify(TEXTS[code] ?? code)} }`;
}

/** sun_path less its NUL byte. */
export const SOCKET_PATH_MAX = 107;
export const SOCKET_PATH_TOO_LONG = "path must be shorter than SUN_LEN";
