# The module approxrun_cuda.so: kernels/cuda, loaded by the program when a device is asked for. Nothing else needs CUDA.
#
# APPROXRUN_CUDA: AUTO builds it where CUDA 12 or 13 is found, ON insists, OFF does not.
# APPROXRUN_CUDA_ARCHS: machine code for each of these capabilities, and PTX of the last for later ones. A release takes
# "75;80;86;89;90a".
set(APPROXRUN_CUDA AUTO CACHE STRING "Build the CUDA module: AUTO, ON or OFF")
set_property(CACHE APPROXRUN_CUDA PROPERTY STRINGS AUTO ON OFF)
set(APPROXRUN_CUDA_ARCHS 90a CACHE STRING "Capabilities of the CUDA module's machine code; PTX of the last is added")

# Code for each capability and PTX of the last. Only a file that uses wgmma needs what 9.0 has alone ("90a"), of which no later device
# takes the PTX; for the others one pass of the compiler makes both.
function(ax_generate_code options file)
  set(all)
  foreach(arch IN LISTS APPROXRUN_CUDA_ARCHS)
    string(REGEX MATCH "^[0-9]+" plain ${arch})
    if(NOT file MATCHES "onehot")
      set(arch ${plain})
    endif()
    list(APPEND all "--generate-code=arch=compute_${arch},code=sm_${arch}")
  endforeach()
  list(APPEND all "--generate-code=arch=compute_${plain},code=compute_${plain}")
  set(${options} "${all}" PARENT_SCOPE)
endfunction()

# Products and sums round where the text says so and subnormals are zero, as on the CPU (docs/multipliers.md).
function(ax_add_cuda_module)
  file(GLOB files CONFIGURE_DEPENDS kernels/cuda/*.cu)
  include(cmake/embed_cuda.cmake)
  set(user_texts ${PROJECT_BINARY_DIR}/generated/cuda_user_texts.h)
  add_custom_command(OUTPUT ${user_texts}
    COMMAND ${CMAKE_COMMAND} -DOUT=${user_texts} -DROOT=${PROJECT_SOURCE_DIR} -P ${PROJECT_SOURCE_DIR}/cmake/embed_cuda.cmake
    DEPENDS ${USER_TEXT_FILES} cmake/embed_cuda.cmake VERBATIM)
  add_library(approxrun_cuda MODULE ${files} ${user_texts})
  target_compile_features(approxrun_cuda PRIVATE cuda_std_17)
  target_compile_options(approxrun_cuda PRIVATE -lineinfo -ftz=true -fmad=false -prec-div=true -prec-sqrt=true
    --extended-lambda -Xcompiler=-Wall -Werror=all-warnings)
  foreach(file IN LISTS files)
    ax_generate_code(options ${file})
    set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${options}")
  endforeach()
  target_include_directories(approxrun_cuda PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated ${RANDOM123})
  target_link_libraries(approxrun_cuda PRIVATE CUDA::cublas)
  set_target_properties(approxrun_cuda PROPERTIES PREFIX "" CUDA_EXTENSIONS OFF CUDA_VISIBILITY_PRESET hidden
    CUDA_RUNTIME_LIBRARY Static CUDA_ARCHITECTURES OFF LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
  install(TARGETS approxrun_cuda LIBRARY DESTINATION lib/approxrun)
endfunction()

if(APPROXRUN_CUDA)
  if(NOT CMAKE_CUDA_COMPILER AND NOT DEFINED ENV{CUDACXX})
    find_program(AX_NVCC nvcc PATHS /usr/local/cuda/bin /opt/cuda/bin)      # where it is, when not on the path
    mark_as_advanced(AX_NVCC)
    if(AX_NVCC)
      set(ENV{CUDACXX} ${AX_NVCC})
    endif()
  endif()
  set(CMAKE_CUDA_ARCHITECTURES OFF)      # the flags name them: this CMake may not know the newest
  include(CheckLanguage)
  check_language(CUDA)
  if(CMAKE_CUDA_COMPILER)
    enable_language(CUDA)
    find_package(CUDAToolkit QUIET)
  endif()
endif()

set(missing)
if(NOT APPROXRUN_CUDA)
  set(missing "APPROXRUN_CUDA is off")
elseif(NOT CMAKE_CUDA_COMPILER)
  set(missing "no nvcc that works; CUDACXX names one")
elseif(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12 OR CMAKE_CUDA_COMPILER_VERSION VERSION_GREATER_EQUAL 14)
  set(missing "CUDA ${CMAKE_CUDA_COMPILER_VERSION}, wanted 12 or 13")
elseif(NOT TARGET CUDA::cublas)
  set(missing "CUDA ${CMAKE_CUDA_COMPILER_VERSION} without cuBLAS")
endif()

if(NOT missing)
  string(REPLACE ";" " " archs "${APPROXRUN_CUDA_ARCHS}")
  message(STATUS "CUDA module: on (CUDA ${CMAKE_CUDA_COMPILER_VERSION}; capabilities ${archs} and PTX)")
  ax_add_cuda_module()
elseif(NOT APPROXRUN_CUDA OR APPROXRUN_CUDA STREQUAL AUTO)
  message(STATUS "CUDA module: off (${missing})")
else()
  message(FATAL_ERROR "CUDA module: ${missing}")
endif()
