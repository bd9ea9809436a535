# Decides how the C++ library and its tests are built for aarch64 on another machine, and who runs
# them: Debian's cross compiler and QEMU's user mode (apt-get install g++-aarch64-linux-gnu
# qemu-user).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_EXE_LINKER_FLAGS_INIT -static)  # the tests need no libraries of the other system
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
