// A client for unix-listener.test.ts: sends `messages` messages of one octet with `each` descriptors
// of /dev/null, shuts down (unless told to hold), prints what comes back.
//   client PATH MESSAGES EACH [hold]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) return 3;

  const int each = atoi(argv[3]);
  const int null = open("/dev/null", O_RDONLY);
  for (int i = 0; i < atoi(argv[2]); i++) {
    alignas(cmsghdr) char control[CMSG_SPACE(253 * sizeof(int))]{};
    char octet = 'x';
    iovec span{&octet, 1};
    msghdr message{};
    message.msg_iov = &span;
    message.msg_iovlen = 1;
    if (each > 0) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(each * sizeof(int));
      cmsghdr *part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(each * sizeof(int));
      for (int k = 0; k < each; k++) memcpy(CMSG_DATA(part) + k * sizeof(int), &null, sizeof null);
    }
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) break;
  }
  if (argc == 4) shutdown(fd, SHUT_WR);
  char reply[4096];
  for (ssize_t count; (count = read(fd, reply, sizeof reply)) > 0;) fwrite(reply, 1, count, stdout);
  return 0;
}
