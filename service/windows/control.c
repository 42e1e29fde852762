/* Sends a control to a service as any other program would: Wine's sc.exe knows no `control`.
 *
 *   control.exe crmgate 6      SERVICE_CONTROL_PARAMCHANGE, as `sc control crmgate paramchange` sends it
 *   control.exe crmgate 128    a number of the service's own
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

int main(int count, char **words) {
    SC_HANDLE manager, service;
    SERVICE_STATUS status;
    if (count != 3) return 2;
    manager = OpenSCManagerA(NULL, NULL, SC_MANAGER_CONNECT);
    service = manager ? OpenServiceA(manager, words[1], SERVICE_ALL_ACCESS) : NULL;
    if (!service || !ControlService(service, (DWORD)atoi(words[2]), &status)) {
        printf("error %lu\n", GetLastError());
        return 1;
    }
    printf("state %lu\n", status.dwCurrentState);
    return 0;
}
