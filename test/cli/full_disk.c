// A full disk for one folder, to be preloaded: what is written to files below FULL_FOLDER fails
// with "no space left", as late as on a real one: files can be made, but not filled.
// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ssize_t write(int descriptor, const void *data, size_t size) {
  static ssize_t (*next)(int, const void *, size_t);
  if (next == NULL) *(void **)&next = dlsym(RTLD_NEXT, "write");
  const char *folder = getenv("FULL_FOLDER");
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (folder != NULL && length > 0) {
    path[length] = '\0';
    if (strncmp(path, folder, strlen(folder)) == 0) {
      errno = ENOSPC;
      return -1;
    }
  }
  return next(descriptor, data, size);
}
