// A stand-in for the driver's library: one card whose kernels are computed here.
//
// FAKE_CUDA names what goes wrong: FUNCTION=CODE for a function that fails, or one of none, old, wrong, grind, crash, hang,
// and blind, which shows the card even where it is hidden.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int asked(const char *what) {
    const char *faults = getenv("FAKE_CUDA");
    return faults && strcmp(faults, what) == 0;
}

// fault is the code with which a function is to fail; 0 for none.
static int fault(const char *name) {
    const char *faults = getenv("FAKE_CUDA");
    size_t length = strlen(name);
    if (faults && strncmp(faults, name, length) == 0 && faults[length] == '=')
        return atoi(faults + length + 1);
    return 0;
}

#define FAIL_IF_ASKED() do { int code = fault(__func__); if (code) return code; } while (0)

int cuInit(unsigned flags) {
    FAIL_IF_ASKED();
    if (asked("crash")) abort();
    if (asked("hang")) sleep(600);
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible && strcmp(visible, "-1") == 0 && !asked("blind") ? 100 : 0;
}
int cuGetErrorName(int code, const char **name) {
    *name = code == 100 ? "CUDA_ERROR_NO_DEVICE" : code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : code == 218 ? "CUDA_ERROR_INVALID_PTX" : NULL;
    return 0;
}
int cuDriverGetVersion(int *version) { FAIL_IF_ASKED(); *version = 13000; return 0; }
int cuDeviceGetCount(int *count) { FAIL_IF_ASKED(); *count = asked("none") ? 0 : 1; return 0; }
int cuDeviceGet(int *device, int index) { FAIL_IF_ASKED(); *device = index; return 0; }
int cuDeviceGetName(char *name, int size, int device) { FAIL_IF_ASKED(); snprintf(name, size, "Stand-in %d", device); return 0; }
int cuDeviceTotalMem_v2(size_t *bytes, int device) { FAIL_IF_ASKED(); *bytes = 141ull << 30; return 0; }
int cuDeviceGetUuid(unsigned char *uuid, int device) { FAIL_IF_ASKED(); for (int i = 0; i < 16; i++) uuid[i] = i; return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    FAIL_IF_ASKED();
    *value = attribute == 75 ? (asked("old") ? 3 : 9) : attribute == 76 ? 0 : attribute == 16 ? 132 : -1;
    return 0;
}
int cuDevicePrimaryCtxRetain(void **context, int device) { FAIL_IF_ASKED(); *context = (void *)1; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxSetCurrent(void *context) { FAIL_IF_ASKED(); return 0; }
int cuModuleLoadData(void **module, const char *image) {
    FAIL_IF_ASKED();
    *module = (void *)1;
    return strncmp(image, ".version 6.4\n.target sm_75\n.address_size 64\n", 43) == 0 && strstr(image, ".entry axpy(") ? 0 : 218;
}
int cuModuleLoadDataEx(void **module, const char *image, unsigned count, int *options, void **values) {
    if (count == 2 && options[0] == 5) snprintf(values[0], (size_t)values[1], "ptxas application ptx input,\n line 9: a made-up error");
    return 218;
}
int cuModuleUnload(void *module) { return 0; }
int cuModuleGetFunction(void **function, void *module, const char *name) { FAIL_IF_ASKED(); *function = strdup(name); return 0; }
int cuMemAlloc_v2(uint64_t *memory, size_t bytes) { FAIL_IF_ASKED(); *memory = (uint64_t)(uintptr_t)malloc(bytes); return 0; }
int cuMemFree_v2(uint64_t memory) { free((void *)(uintptr_t)memory); return 0; }
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) { FAIL_IF_ASKED(); memcpy((void *)(uintptr_t)to, from, bytes); return 0; }
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) { FAIL_IF_ASKED(); memcpy(to, (void *)(uintptr_t)from, bytes); return 0; }
int cuCtxSynchronize(void) { FAIL_IF_ASKED(); usleep(500); return 0; }

int cuLaunchKernel(const char *name, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **arguments, void **extra) {
    FAIL_IF_ASKED();
    void *out = (void *)(uintptr_t)*(uint64_t *)arguments[0];
    uint64_t threads = (uint64_t)gx * bx * (gy * gz * by * bz == 1);
    if (strcmp(name, "axpy") == 0) {
        const float *x = (float *)(uintptr_t)*(uint64_t *)arguments[1], *y = (float *)(uintptr_t)*(uint64_t *)arguments[2];
        float factor = *(float *)arguments[3];
        unsigned count = *(unsigned *)arguments[4];
        for (unsigned i = 0; i < count && i < threads; i++) ((float *)out)[i] = factor * x[i] + y[i];
        if (asked("wrong")) ((float *)out)[count - 1] += 1;
        return 0;
    }
    unsigned count = *(unsigned *)arguments[1], rounds = *(unsigned *)arguments[2];
    uint32_t factor = 1, addend = 0;
    for (unsigned round = 0; round < rounds; round++) {
        factor *= 1664525u;
        addend = addend * 1664525u + 1013904223u;
    }
    for (unsigned i = 0; i < count && i < threads; i++) ((uint32_t *)out)[i] = factor * i + addend;
    if (asked("grind")) ((uint32_t *)out)[0] += 1;
    return 0;
}
