/* Opens many event streams at once and measures how late each token comes.

   streams PORT STREAMS TOKENS DELAY_MS WINDOW_S < REQUEST

   All connections are opened first; then the request of standard input is sent on each of them, spread evenly
   over WINDOW_S seconds. A token is late by what it comes after its first token plus its number of delays.
   Prints one line of JSON, in milliseconds. */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char TOKEN[] = "\"event\":\"token\"", END[] = "\"event\":\"end\"";

struct stream {
    int fd, tokens, is_over;
    size_t in_token, in_end; /* how much of the two texts was matched at the end of the last read */
    double sent, first;
};

static double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(double *sorted, size_t count, double share) {
    return count ? sorted[(size_t)((count - 1) * share)] : -1;
}

/* Neither text has a proper prefix that is also a suffix, apart from the quote it begins with. */
static int matches(const char *text, size_t *done, char c) {
    *done = text[*done] == c ? *done + 1 : text[0] == c;
    if (text[*done]) return 0;
    *done = 0;
    return 1;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int connect_to(int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int port = atoi(argv[1]), streams = atoi(argv[2]), tokens = atoi(argv[3]);
    double delay = atof(argv[4]), window = atof(argv[5]) * 1e3;
    static char request[1 << 20], buffer[1 << 16];
    size_t length = fread(request, 1, sizeof request, stdin);

    struct rlimit files = {streams + 64, streams + 64};
    if (setrlimit(RLIMIT_NOFILE, &files) < 0) getrlimit(RLIMIT_NOFILE, &files);
    struct stream *all = calloc(streams, sizeof *all);
    double *late = malloc(sizeof(double) * streams * (size_t)tokens), *first = malloc(sizeof(double) * streams);
    size_t lates = 0, firsts = 0;
    int poll = epoll_create1(0), open = streams, sent = 0, whole = 0;
    for (int i = 0; i < streams; i++) {
        all[i].fd = connect_to(port);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &event);
    }
    printf("open\n");
    fflush(stdout);

    double begin = now(), stop = begin + window + tokens * delay + 60e3;
    struct epoll_event ready[256];
    while (open && now() < stop) {
        double at = now();
        while (sent < streams && at >= begin + window * sent / streams) {
            if (write(all[sent].fd, request, length) != (ssize_t)length) fail("write");
            all[sent++].sent = at;
        }
        double pause = sent < streams ? begin + window * sent / streams - now() : 100;
        int found = epoll_wait(poll, ready, 256, pause > 0 ? (int)pause : 0);
        for (int i = 0; i < found; i++) {
            struct stream *one = ready[i].data.ptr;
            ssize_t size = read(one->fd, buffer, sizeof buffer);
            if (size < 0 && errno == EAGAIN) continue;
            at = now();
            for (ssize_t each = 0; each < size; each++) {
                if (matches(TOKEN, &one->in_token, buffer[each])) {
                    if (!one->tokens) one->first = at, first[firsts++] = at - one->sent;
                    if (one->tokens < tokens) late[lates++] = at - one->first - one->tokens * delay;
                    one->tokens++;
                }
                if (matches(END, &one->in_end, buffer[each])) one->is_over = 1;
            }
            if (size <= 0 || one->is_over) {
                whole += one->is_over && one->tokens == tokens;
                close(one->fd);
                open--;
            }
        }
    }
    double took = now() - begin;
    qsort(late, lates, sizeof *late, by_size);
    qsort(first, firsts, sizeof *first, by_size);
    printf("{\"whole\": %d, \"tokens\": %zu, \"p50\": %.1f, \"p99\": %.1f, \"most\": %.1f, "
           "\"first_p50\": %.1f, \"first_p99\": %.1f, \"seconds\": %.2f}\n",
           whole, lates, percentile(late, lates, .5), percentile(late, lates, .99), percentile(late, lates, 1),
           percentile(first, firsts, .5), percentile(first, firsts, .99), took / 1e3);
    return 0;
}
