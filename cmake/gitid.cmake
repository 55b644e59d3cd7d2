# The commit a program was built from, for --version and for the provenance of results.
set(GITID ${PROJECT_BINARY_DIR}/generated/gitid.h)
add_custom_target(ax_gitid BYPRODUCTS ${GITID}
  COMMAND ${CMAKE_COMMAND} -DOUT=${GITID} -DROOT=${PROJECT_SOURCE_DIR} -DVERSION=${PROJECT_VERSION}
          -P ${PROJECT_SOURCE_DIR}/cmake/write_gitid.cmake VERBATIM)
